import { expect, it } from "vitest";
import { LocalCells, SharedCells } from "../../breaker/circuit/cells.ts";
import { RETRY_RATE_CELLS, RetryRate } from "./retry-rate.ts";

const CONFIG = { percent: 20, minPerSecond: 3, windowMs: 1000 };

function taken(rate: RetryRate, nowMs: number, wanted: number): number {
  return Array.from({ length: wanted }, () => rate.take(nowMs)).filter(Boolean).length;
}

it("a fifth of the last second's requests may be retried", () => {
  const rate = new RetryRate(CONFIG, new LocalCells(RETRY_RATE_CELLS), 0);
  for (let at = 0; at < 1000; at += 5) rate.countRequest(at);
  expect(taken(rate, 999, 1000)).toBe(40);
  expect(taken(rate, 5000, 1000)).toBe(3);
});

it("where little is asked a few retries are allowed all the same", () => {
  const rate = new RetryRate(CONFIG, new LocalCells(RETRY_RATE_CELLS), 0);
  rate.countRequest(0);
  expect(taken(rate, 0, 10)).toBe(3);
  expect(taken(rate, 2000, 10)).toBe(3);
});

it("over a long failure retries stay a fifth, and the burst a second's", () => {
  const rate = new RetryRate(CONFIG, new LocalCells(RETRY_RATE_CELLS), 0);
  for (let at = 0; at < 1000; at += 5) rate.countRequest(at);
  let retries = 0;
  for (let at = 1000; at < 11_000; at += 5) {
    rate.countRequest(at);
    retries += taken(rate, at, 2);
  }
  expect(retries).toBeGreaterThan(390);
  expect(retries).toBeLessThanOrEqual(400 + 40);
});

it("is one for all threads that share its cells", () => {
  const bytes = RETRY_RATE_CELLS * Int32Array.BYTES_PER_ELEMENT;
  const numbers = new Int32Array(new SharedArrayBuffer(bytes));
  const [one, other] = [0, 1].map(() => new RetryRate(CONFIG, new SharedCells(numbers), 0));
  if (one === undefined || other === undefined) throw new Error("two are made");
  for (let at = 0; at < 500; at += 5) one.countRequest(at);
  expect(taken(one, 500, 15) + taken(other, 500, 15)).toBe(20);
});
