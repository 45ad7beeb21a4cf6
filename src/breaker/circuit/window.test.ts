import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LocalCells, SharedCells } from "./cells.ts";
import { Window, windowCells } from "./window.ts";

const OPTIONS = { durationMs: 10_000, buckets: 10, counters: 2 };

function localWindow(options = OPTIONS): Window {
  return new Window(new LocalCells(windowCells(options)), 0, options);
}

function sharedCells(length: number): SharedCells {
  return new SharedCells(new Int32Array(new SharedArrayBuffer(length * 4)));
}

/** What a window should say: every count is kept with its time, and nothing is ever forgotten. */
class Ledger {
  readonly #counts: { counter: number; bucket: number }[] = [];
  readonly #bucketMs: number;
  readonly #buckets: number;

  constructor({ durationMs, buckets }: { durationMs: number; buckets: number }) {
    this.#bucketMs = durationMs / buckets;
    this.#buckets = buckets;
  }

  add(counter: number, now: number): void {
    this.#counts.push({ counter, bucket: Math.floor(now / this.#bucketMs) });
  }

  sum(counter: number, now: number): number {
    const newest = Math.floor(now / this.#bucketMs);
    return this.#counts.filter(
      (count) => count.counter === counter && count.bucket > newest - this.#buckets,
    ).length;
  }
}

/** Steps in time: mostly small, sometimes a window, sometimes years. */
const pauseMs = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 3000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 9000, max: 21_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 32 * 1000, 2 ** 42) },
);

describe.each([
  { name: "its own cells", cellsOf: (length: number) => new LocalCells(length) },
  { name: "shared cells", cellsOf: sharedCells },
])("a window over $name", ({ cellsOf }) => {
  it("says at any time what a ledger of all counts says", () => {
    const step = fc.record({ pauseMs, counter: fc.nat({ max: 1 }), counts: fc.boolean() });
    const sizes = fc.constantFrom(1, 2, 3, 10, 60);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), sizes, (steps, buckets) => {
        const options = { ...OPTIONS, buckets };
        const window = new Window(cellsOf(windowCells(options)), 0, options);
        const ledger = new Ledger(options);
        let now = 0;
        for (const { pauseMs, counter, counts } of steps) {
          now += pauseMs;
          if (counts) {
            window.add(counter, now);
            ledger.add(counter, now);
          }
          expect([window.sum(0, now), window.sum(1, now)]).toEqual([
            ledger.sum(0, now),
            ledger.sum(1, now),
          ]);
        }
      }),
    );
  });
});

describe("a window", () => {
  it("forgets failures of minutes ago after a pause of any length", () => {
    for (const pause of [10_000, 60_000, 25 * 86_400_000, 400 * 86_400_000]) {
      const window = localWindow();
      for (let second = 0; second < 10; second++) window.add(0, second * 1000);
      expect(window.sum(0, 9999)).toBe(10);
      expect(window.sum(0, 9999 + pause)).toBe(0);
    }
  });

  it("takes a clock that starts late, and times with fractions", () => {
    const window = localWindow();
    const start = 1_795_000_000_000.75;
    window.add(1, start);
    expect(window.sum(1, start + 8999.5)).toBe(1);
    expect(window.sum(1, start + 10_000)).toBe(0);
  });

  it("counts nothing any more when it is cleared", () => {
    const window = localWindow();
    for (let now = 0; now < 10_000; now += 500) window.add(0, now);
    window.clear();
    expect(window.sum(0, 9999)).toBe(0);
    window.add(0, 10_100);
    expect(window.sum(0, 10_200)).toBe(1);
  });

  it("is one for several users of the same cells", () => {
    const cells = sharedCells(windowCells(OPTIONS));
    const [one, other] = [new Window(cells, 0, OPTIONS), new Window(cells, 0, OPTIONS)];
    one.add(0, 100);
    other.add(0, 1200);
    one.add(0, 1300);
    expect([one.sum(0, 1300), other.sum(0, 1300)]).toEqual([3, 3]);
    expect([one.sum(0, 10_500), other.sum(0, 10_500)]).toEqual([2, 2]);
    expect([other.sum(0, 30_000), one.sum(0, 30_000)]).toEqual([0, 0]);
  });

  it("counts for who lags behind, and moves back for nobody", () => {
    const cells = sharedCells(windowCells(OPTIONS));
    const [ahead, behind] = [new Window(cells, 0, OPTIONS), new Window(cells, 0, OPTIONS)];
    ahead.add(0, 5000);
    behind.add(0, 4999);
    expect(ahead.sum(0, 5001)).toBe(2);
    expect(ahead.sum(0, 14_500)).toBe(1);
  });
});
