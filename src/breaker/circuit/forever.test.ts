import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { circuitBreaker } from "../circuit-breaker.ts";
import type { CircuitRecord } from "../command/circuit-record.ts";
import type { CommandOptions } from "../command/options.ts";

function scene(options: CommandOptions = {}) {
  const clock = new VirtualClock();
  const { breaker } = circuitBreaker(async () => 1, { name: "ask", clock, ...options });
  return { clock, breaker };
}

const YEAR_MS = 365 * 86_400_000;

describe("a sleep without end", () => {
  it("lets nothing through, until somebody closes the circuit", () => {
    const { clock, breaker } = scene({ sleepWindowInMilliseconds: Number.POSITIVE_INFINITY });
    breaker.open();
    clock.advance(YEAR_MS);
    expect(breaker.allow()).toBe(false);
    const again = scene({
      sleepWindowInMilliseconds: Number.POSITIVE_INFINITY,
      state: JSON.parse(JSON.stringify(breaker)),
    });
    again.clock.advance(YEAR_MS);
    expect(again.breaker.allow()).toBe(false);
    again.breaker.close();
    expect(again.breaker.allow()).toBe(true);
  });
});

describe("a state from outside", () => {
  const state = {
    ...{ version: 1, name: "ask", state: "open", forced: "no", changedAt: 0 },
    ...{ openUntil: 0, openings: 0 },
  } as const satisfies CircuitRecord;

  it.each([Number.MAX_VALUE, Number.MAX_SAFE_INTEGER, 1_700_000_000_000 + YEAR_MS])(
    "holds a circuit open for one sleep at most: until %d",
    (openUntil) => {
      const { clock, breaker } = scene({ state: { ...state, openUntil } });
      clock.advance(4999);
      expect(breaker.allow()).toBe(false);
      clock.advance(1);
      expect(breaker.allow()).toBe(true);
    },
  );

  it("does not undo what the options force", () => {
    const { breaker } = scene({ state, forceOpen: true });
    expect(breaker.forced).toBe("open");
    expect(scene({ state: { ...state, forced: "open" } }).breaker.forced).toBe("open");
  });

  it("holds it open for the longest sleep of its back-off at most", () => {
    const backoff = { factor: 2, maxMs: 60_000, jitterRatio: 0.5 };
    const openUntil = Number.MAX_VALUE;
    const { clock, breaker } = scene({ backoff, state: { ...state, openUntil } });
    clock.advance(89_999);
    expect(breaker.allow()).toBe(false);
    clock.advance(1);
    expect(breaker.allow()).toBe(true);
  });

  it.each([1.5, 2 ** 31, Number.MAX_VALUE])(
    "must have counted its openings: not %d",
    (openings) => {
      expect(() => scene({ state: { ...state, openings } })).toThrow(`wrong openings ${openings}`);
    },
  );

  it("grows its sleep as far as it may, however often it has opened", () => {
    const backoff = { factor: 2, maxMs: 60_000, jitterRatio: 0 };
    const { clock, breaker } = scene({ backoff, state: { ...state, openings: 2 ** 31 - 1 } });
    for (let opening = 0; opening < 3; opening++) {
      expect(breaker.allow()).toBe(true);
      breaker.record("failure");
      clock.advance(59_999);
      expect(breaker.allow()).toBe(false);
      clock.advance(1);
    }
  });
});
