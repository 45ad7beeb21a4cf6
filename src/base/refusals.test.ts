import { expect, it } from "vitest";
import { Refusals } from "./refusals.ts";

it("tells everything that was refused, each line with where it stands", () => {
  const inner = new Refusals();
  const outer = new Refusals();
  inner.add("one");
  inner.add("two");
  outer.attempt("here", () => inner.throwAny());
  outer.attempt("there", () => {
    throw new Error("three");
  });
  expect(() => outer.throwAny()).toThrow(/^here: one\nhere: two\nthere: three$/);
});

it("gives what could be made, and throws nothing where nothing was refused", () => {
  const refusals = new Refusals();
  expect(refusals.attempt("here", () => 7)).toBe(7);
  expect(() => refusals.throwAny()).not.toThrow();
});
