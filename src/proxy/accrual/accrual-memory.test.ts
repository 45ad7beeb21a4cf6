import { describe, expect, it } from "vitest";
import { AccrualMemory, accrualMemoryCells } from "./accrual-memory.ts";

const WIDTH = 5;

function shared(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(accrualMemoryCells(WIDTH) * 4));
}

/** As two threads see the same memory. */
function two(): readonly [AccrualMemory, AccrualMemory] {
  const numbers = shared();
  return [new AccrualMemory(numbers, WIDTH), new AccrualMemory(numbers, WIDTH)];
}

const addresses = (count: number, first = 0): string[] =>
  Array.from({ length: count }, (_, i) => `10.0.${Math.floor((first + i) / 256)}.${i % 256}:80`);

/** Two addresses that want the same place. */
function neighbours(): readonly [string, string] {
  const seen = new Map<number, string>();
  for (const address of addresses(1000)) {
    const wanted = new AccrualMemory(shared(), WIDTH).claim(address);
    const before = seen.get(wanted);
    if (before !== undefined) return [before, address];
    seen.set(wanted, address);
  }
  throw new Error("all want places of their own");
}

describe("places of endpoints in shared memory", () => {
  it("are one for each address, in every thread", () => {
    const [one, other] = two();
    const places = addresses(100).map((address) => one.claim(address));
    expect(new Set(places).size).toBe(100);
    expect(addresses(100).map((address) => other.claim(address))).toEqual(places);
  });

  it("do not overlap", () => {
    const [one] = two();
    const sorted = addresses(128)
      .map((address) => one.claim(address))
      .toSorted((left, right) => left - right);
    for (const [i, place] of sorted.entries()) {
      expect(place - (sorted[i - 1] ?? place - WIDTH)).toBeGreaterThanOrEqual(WIDTH);
    }
  });

  it("stay one for each address where another one before it has become free", () => {
    const [one, other] = two();
    const [first, second] = neighbours();
    const gone = one.claim(first);
    const place = one.claim(second);
    one.release(gone);
    expect(other.claim(second)).toBe(place);
  });

  it("run out, and are free again once nobody uses them", () => {
    const [one, other] = two();
    const places = addresses(128).map((address) => one.claim(address));
    expect(one.claim("10.9.9.9:80")).toBe(-1);
    const [first = -1] = places;
    other.claim("10.0.0.0:80");
    one.release(first);
    expect(one.claim("10.9.9.9:80")).toBe(-1);
    other.release(first);
    expect(one.claim("10.9.9.9:80")).toBe(first);
  });

  it("begin empty for whoever comes first", () => {
    const [one, other] = two();
    const place = one.claim("10.0.0.1:80");
    one.cells.store(place + 2, 7);
    other.claim("10.0.0.1:80");
    expect(other.cells.load(place + 2)).toBe(7);
    one.release(place);
    other.release(place);
    expect(one.claim("10.0.0.1:80")).toBe(place);
    expect(one.cells.load(place + 2)).toBe(0);
  });
});
