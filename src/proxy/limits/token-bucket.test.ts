import { describe, expect, it } from "vitest";
import { bucketCells, TokenBucket } from "./token-bucket.ts";

const SIZE = { maxTokens: 3, tokensPerFill: 2, fillIntervalMs: 1000 };

/** How many are let through at once. */
function drain(bucket: TokenBucket, nowMs: number): number {
  let taken = 0;
  while (bucket.take(nowMs)) taken++;
  return taken;
}

describe("a token bucket", () => {
  it("is full at first, however long the program has run", () => {
    expect(drain(new TokenBucket(SIZE), 1)).toBe(3);
    expect(drain(new TokenBucket(SIZE), 1e9)).toBe(3);
  });

  it("fills evenly, and never over its size", () => {
    const bucket = new TokenBucket(SIZE);
    expect(drain(bucket, 1000)).toBe(3);
    expect(drain(bucket, 1499)).toBe(0);
    expect(drain(bucket, 1500)).toBe(1);
    expect(drain(bucket, 2500)).toBe(2);
    expect(drain(bucket, 100_000)).toBe(3);
  });

  it("says what is left and when there is more", () => {
    const bucket = new TokenBucket({ maxTokens: 2, tokensPerFill: 1, fillIntervalMs: 3000 });
    expect([bucket.remaining(10), bucket.secondsToNext(10)]).toEqual([2, 0]);
    drain(bucket, 10);
    expect([bucket.remaining(10), bucket.secondsToNext(10)]).toEqual([0, 3]);
    expect([bucket.remaining(2500), bucket.secondsToNext(2500)]).toEqual([0, 1]);
  });

  it("is one for all that share its cell", () => {
    const cells = bucketCells();
    const [one, other] = [new TokenBucket(SIZE, cells), new TokenBucket(SIZE, cells)];
    expect([one.take(5), other.take(5), one.take(5), other.take(5)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it("may be as large and as slow as the configuration can say", () => {
    const size = { maxTokens: 4_294_967_295, tokensPerFill: 1, fillIntervalMs: 3_600_000 };
    const bucket = new TokenBucket(size);
    expect(bucket.take(1)).toBe(true);
    expect(bucket.take(1)).toBe(true);
  });
});
