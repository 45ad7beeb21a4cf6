import { describe, expect, it } from "vitest";
import { type Timer, VirtualClock } from "../../base/clock.ts";
import type { Clock } from "../clock.ts";
import { BurstClock } from "./burst-clock.ts";
import { Deadlines, type Waiting } from "./deadlines.ts";

class Call implements Waiting {
  earlier: Waiting | undefined = undefined;
  later: Waiting | undefined = undefined;
  expired = false;
  readonly startedAt: number;

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  expire(): void {
    this.expired = true;
  }
}

/** Counts timers that are set. */
class CountingClock implements Clock {
  readonly #clock: VirtualClock;
  set = 0;
  pending = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wall(): number {
    return this.#clock.wall();
  }

  after(delayMs: number, callback: () => void): Timer {
    this.set++;
    this.pending++;
    const timer = this.#clock.after(delayMs, () => {
      this.pending--;
      callback();
    });
    return {
      cancel: () => {
        this.pending--;
        timer.cancel();
      },
    };
  }
}

describe("deadlines", () => {
  it("set no timer for a call that ends in time", () => {
    const time = new VirtualClock();
    const clock = new CountingClock(time);
    const deadlines = new Deadlines(clock, 1000);
    for (let call = 0; call < 1000; call++) {
      const waiting = new Call(time.now());
      deadlines.add(waiting);
      deadlines.remove(waiting);
    }
    expect(clock.set).toBe(1);
    time.advance(20);
    expect([clock.set, clock.pending]).toEqual([1, 0]);
  });

  it("leave no timer behind when a slow call ends", () => {
    const time = new VirtualClock();
    const clock = new CountingClock(time);
    const deadlines = new Deadlines(clock, 60_000);
    const waiting = new Call(0);
    deadlines.add(waiting);
    time.advance(5000);
    expect(clock.pending).toBe(1);
    deadlines.remove(waiting);
    expect([clock.pending, deadlines.isArmed]).toEqual([0, false]);
  });

  it("come due in order, whoever leaves from the middle", () => {
    const time = new VirtualClock();
    const deadlines = new Deadlines(time, 100);
    const calls = [0, 10, 20, 30].map((at) => {
      time.advance(at - time.now());
      const call = new Call(time.now());
      deadlines.add(call);
      return call;
    });
    deadlines.remove(calls[1] as Call);
    const expired = (): boolean[] => calls.map((call) => call.expired);
    time.advance(69);
    expect(expired()).toEqual([false, false, false, false]);
    time.advance(1);
    expect(expired()).toEqual([true, false, false, false]);
    time.advance(20);
    expect(expired()).toEqual([true, false, true, false]);
    deadlines.remove(calls[3] as Call);
    expect(deadlines.isArmed).toBe(false);
  });
});

describe("the clock of bursts", () => {
  /** A clock whose readings are counted, each a step later. */
  function counted(stepMs: number) {
    const time = new VirtualClock();
    const counting = { readings: 0 };
    const clock: Clock = {
      now: () => {
        counting.readings++;
        time.advance(stepMs);
        return time.now();
      },
      wall: () => time.wall(),
      after: (delayMs, callback) => time.after(delayMs, callback),
    };
    return { time, counting, clock: new BurstClock(clock) };
  }

  it("reads each time where readings lie apart", () => {
    const { clock, counting } = counted(1);
    for (let reading = 0; reading < 500; reading++) clock.now();
    expect(counting.readings).toBe(500);
  });

  it("lets a reading serve others in a burst, never goes back, and ends with the turn", () => {
    const { clock, counting, time } = counted(0);
    let last = 0;
    for (let reading = 0; reading < 3200; reading++) {
      const now = clock.now();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
    expect(counting.readings).toBeLessThan(300);
    time.advance(7);
    const before = counting.readings;
    expect([clock.now(), clock.now(), counting.readings - before]).toEqual([7, 7, 2]);
  });

  it("knows how old a reading is when something holds the burst up", () => {
    let now = 100;
    const held = new BurstClock({
      now: () => now,
      wall: () => now,
      after: () => ({ cancel: () => undefined }),
    });
    for (let reading = 0; reading < 100; reading++) held.now();
    now = 2000;
    expect(held.now()).toBe(100);
    expect(held.latest(100)).toBe(2000);
    now = 2500;
    expect([held.latest(100), held.latest(50)]).toEqual([2000, 50]);
  });
});
