import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EVENT_TYPES, isTerminal } from "./event-type.ts";
import { Latency, LatencyView } from "./latency.ts";
import { LATENCY_STEPS, stepOf, stepStartMs } from "./latency-scale.ts";
import { RollingMax } from "./rolling-max.ts";
import { Tally } from "./tally.ts";

const EXTENT = { durationMs: 6000, buckets: 6 };

describe("the scale of latencies", () => {
  it("puts a duration where a step begins at most 1/16 below it", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2_000_000, noNaN: true }), (durationMs) => {
        const step = stepOf(durationMs);
        expect(step).toBeLessThan(LATENCY_STEPS);
        expect(stepStartMs(step)).toBeLessThanOrEqual(durationMs);
        expect(stepStartMs(step + 1)).toBeGreaterThan(durationMs);
        expect(durationMs - stepStartMs(step)).toBeLessThanOrEqual(durationMs / 16 + 0.001);
      }),
    );
  });

  it("is bounded on both sides", () => {
    expect([stepOf(-1), stepOf(0), stepOf(1e12), stepOf(Number.POSITIVE_INFINITY)]).toEqual([
      0,
      0,
      LATENCY_STEPS - 1,
      LATENCY_STEPS - 1,
    ]);
  });
});

describe("latencies", () => {
  it("have percentiles of the window that lie 1/16 off at most", () => {
    const latency = new Latency(EXTENT);
    for (let ms = 1; ms <= 1000; ms++) latency.add(ms, 10);
    const view = new LatencyView([latency]);
    for (const percentile of [1, 25, 50, 90, 99, 100]) {
      const exact = percentile * 10;
      const off = Math.abs((view.percentile(percentile, 10) ?? 0) - exact);
      expect(off).toBeLessThanOrEqual(exact / 16);
    }
    expect(Math.abs((view.mean(10) ?? 0) - 500.5)).toBeLessThan(500.5 / 16);
    expect(view.percentile(50, 6010)).toBeUndefined();
  });

  it("of several parts are as one, and counted since the start", () => {
    const [one, other] = [new Latency(EXTENT), new Latency(EXTENT)];
    for (const ms of [3, 30, 300]) one.add(ms, 0);
    other.add(3000, 7000);
    const view = new LatencyView([one, other]);
    expect(view.cumulative([1, 10, 100, 1000])).toEqual({
      counts: [0, 1, 2, 3],
      count: 4,
      sumMs: 3333,
    });
    expect(view.count(7000)).toBe(1);
  });
});

describe("a tally", () => {
  it("counts since the start and within the window, whatever the pauses", () => {
    const pause = fc.oneof(fc.nat({ max: 2500 }), fc.constantFrom(6000, 12_001, 2 ** 40));
    fc.assert(
      fc.property(fc.array(fc.tuple(pause, fc.nat({ max: 2 })), { maxLength: 50 }), (steps) => {
        const tally = new Tally(3, EXTENT);
        const all: { counter: number; bucket: number }[] = [];
        let now = 0;
        for (const [pauseMs, counter] of steps) {
          now += pauseMs;
          tally.add(counter, now);
          all.push({ counter, bucket: Math.floor(now / 1000) });
          for (const each of [0, 1, 2]) {
            const its = all.filter((count) => count.counter === each);
            const rolling = its.filter((count) => count.bucket > Math.floor(now / 1000) - 6);
            expect(tally.ever(each)).toBe(its.length);
            expect(tally.rolling(each, now)).toBe(rolling.length);
          }
        }
      }),
    );
  });
});

describe("a rolling maximum", () => {
  it("forgets what is older than its window", () => {
    const max = new RollingMax(EXTENT);
    max.raise(5, 0);
    max.raise(3, 2500);
    expect([max.max(5999), max.max(6000), max.max(8000), max.max(9000)]).toEqual([5, 3, 0, 0]);
  });
});

describe("events", () => {
  it("are terminal where Hystrix's are", () => {
    expect(EVENT_TYPES.filter(isTerminal)).toEqual([
      "SUCCESS",
      "BAD_REQUEST",
      "CANCELLED",
      "FALLBACK_SUCCESS",
      "FALLBACK_FAILURE",
      "FALLBACK_REJECTION",
      "FALLBACK_DISABLED",
      "FALLBACK_MISSING",
      "RESPONSE_FROM_CACHE",
    ]);
  });
});
