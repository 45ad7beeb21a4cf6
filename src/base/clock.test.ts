import { afterEach, describe, expect, it, vi } from "vitest";
import { systemClock, VirtualClock } from "./clock.ts";

describe("VirtualClock", () => {
  it("runs due timers in the order of their moments, then of their making", () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.after(20, () => seen.push("late"));
    clock.after(10, () => seen.push("first of two"));
    clock.after(10, () => seen.push("second of two"));
    clock.advance(15);
    expect(seen).toEqual(["first of two", "second of two"]);
    clock.advance(5);
    expect(seen).toEqual(["first of two", "second of two", "late"]);
  });

  it("runs a timer that another timer sets, when it falls due within the same advance", () => {
    const clock = new VirtualClock();
    const moments: number[] = [];
    clock.after(10, () => clock.after(5, () => moments.push(clock.now())));
    clock.advance(20);
    expect(moments).toEqual([15]);
    expect(clock.now()).toBe(20);
  });

  it("forgets a cancelled timer", () => {
    const clock = new VirtualClock();
    let ran = false;
    clock
      .after(1, () => {
        ran = true;
      })
      .cancel();
    clock.advance(10);
    expect(ran).toBe(false);
  });

  it("moves the wall clock along", () => {
    const clock = new VirtualClock(1_000);
    clock.advance(250);
    expect(clock.wall()).toBe(1_250);
  });
});

describe("systemClock", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("waits longer than one timer of the machine can: more than 24 days", () => {
    vi.useFakeTimers();
    const DAY_MS = 86_400_000;
    const seen: string[] = [];
    systemClock.after(60 * DAY_MS, () => seen.push("sixty days"));
    const cancelled = systemClock.after(50 * DAY_MS, () => seen.push("cancelled"));
    vi.advanceTimersByTime(30 * DAY_MS);
    cancelled.cancel();
    vi.advanceTimersByTime(30 * DAY_MS - 1);
    expect(seen).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual(["sixty days"]);
  });
});
