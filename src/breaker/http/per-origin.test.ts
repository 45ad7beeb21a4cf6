import { describe, expect, it } from "vitest";
import { PerOrigin } from "./per-origin.ts";

describe("PerOrigin", () => {
  it("makes one thing for each origin, and forgets the one that was not asked for longest", () => {
    const made: string[] = [];
    const things = new PerOrigin((origin) => made.push(origin), 2);
    for (const origin of ["a", "b", "a", "c", "a", "b"]) things.of(origin);
    expect(made).toEqual(["a", "b", "c", "b"]);
    expect([...things.values()]).toEqual([1, 4]);
  });

  it("refuses to remember none", () => {
    expect(() => new PerOrigin(() => 1, 0)).toThrow(RangeError);
  });
});
