import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { type PlaceOwner, Places } from "./places.ts";

class Owner implements PlaceOwner {
  readonly heard: string[] = [];
  readonly clock = new VirtualClock();
  readonly places: Places;

  constructor(timeoutMs: number) {
    this.places = new Places(this, this.clock, timeoutMs);
  }

  onValue(place: number, value: unknown): void {
    this.heard.push(`${place} ${String(value)}`);
  }

  onError(place: number, error: unknown): void {
    this.heard.push(`${place} failed ${String(error)}`);
  }

  onExpired(place: number): void {
    this.heard.push(`${place} expired at ${this.clock.now()}`);
    this.places.leave(place);
  }

  /** What held up the start of calls. */
  heldMs = 0;

  latestStart(startedAt: number): number {
    return startedAt + this.heldMs;
  }

  take(): number {
    return this.places.take(1, this.clock.now());
  }
}

describe("places", () => {
  it("are as many as are taken at one time, each somebody's alone", () => {
    const { places, clock } = new Owner(1000);
    const taken = Array.from({ length: 100 }, (_, index) => places.take(index + 1, clock.now()));
    expect(new Set(taken).size).toBe(100);
    expect(taken.map((place) => places.permits[place])).toEqual(taken.map((_, index) => index + 1));
    for (const place of taken) places.leave(place);
    expect(places.taken).toBe(0);
    const again = Array.from({ length: 100 }, () => places.take(1, clock.now()));
    expect(new Set(again)).toEqual(new Set(taken));
    expect(places.handlers.length).toBe(128);
  });

  it("do not count what held up the start of a call as a wait for its answer", () => {
    const owner = new Owner(1000);
    owner.heldMs = 700;
    owner.take();
    owner.clock.advance(1699);
    expect(owner.heard).toEqual([]);
    owner.clock.advance(1);
    expect(owner.heard).toEqual(["7 expired at 1700"]);
  });

  it("keep nothing of a call that has ended", () => {
    const owner = new Owner(1000);
    const place = owner.take();
    const before = owner.places.resolves[place];
    owner.places.resolves[place] = () => {};
    owner.places.leave(place);
    expect(owner.places.resolves[place]).toBe(before);
  });

  it("tell whose answer it is", () => {
    const owner = new Owner(1000);
    const [one, other] = [owner.take(), owner.take()];
    owner.places.handlers[other]?.onValue("yes");
    owner.places.handlers[one]?.onError("no");
    expect(owner.heard).toEqual([`${other} yes`, `${one} failed no`]);
  });

  it("expire each at its own time, and have no timer when nobody waits", () => {
    const owner = new Owner(100);
    const [first, second, third] = [0, 30, 15].map((pauseMs) => {
      owner.clock.advance(pauseMs);
      return owner.take();
    }) as [number, number, number];
    owner.places.leave(second);
    owner.clock.advance(55);
    owner.clock.advance(45);
    expect(owner.heard).toEqual([`${first} expired at 100`, `${third} expired at 145`]);
    expect(owner.places.isArmed).toBe(false);
  });

  it("set no timer for a call that ends at once, and none that outlives a slow one", () => {
    const owner = new Owner(60_000);
    owner.places.leave(owner.take());
    expect(owner.places.isArmed).toBe(true);
    owner.clock.advance(20);
    expect(owner.places.isArmed).toBe(false);
    const slow = owner.take();
    owner.clock.advance(5000);
    owner.places.leave(slow);
    expect(owner.places.isArmed).toBe(false);
  });

  it("have no timer at all where there is no timeout", () => {
    const owner = new Owner(Number.POSITIVE_INFINITY);
    owner.take();
    expect(owner.places.isArmed).toBe(false);
  });
});
