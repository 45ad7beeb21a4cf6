import { expect, it } from "vitest";
import type { ValueMatch } from "../../model/filter/rbac.ts";
import { DynamicMetadata } from "./dynamic-metadata.ts";
import { MetadataMatcher } from "./metadata-matcher.ts";

const FILTER = "envoy.filters.http.jwt_authn";
const text = (value: string): ValueMatch => ({
  kind: "string",
  match: { kind: "exact", value, ignoreCase: false },
});

const metadata = new DynamicMetadata();
metadata.set(FILTER, {
  payload: { iss: "issuer", aud: ["a", "b"], level: 3, admin: true, none: null, deep: { x: "y" } },
});

it.each([
  { path: ["payload", "iss"], value: text("issuer"), expected: true },
  { path: ["payload", "iss"], value: text("other"), expected: false },
  { path: ["payload", "aud"], value: text("a"), expected: false },
  { path: ["payload", "aud"], value: { kind: "list", oneOf: text("b") }, expected: true },
  { path: ["payload", "aud"], value: { kind: "list", oneOf: text("c") }, expected: false },
  { path: ["payload", "level"], value: { kind: "number", value: 3 }, expected: true },
  { path: ["payload", "level"], value: { kind: "range", start: 1, end: 3 }, expected: false },
  { path: ["payload", "level"], value: { kind: "range", start: 3, end: 4 }, expected: true },
  { path: ["payload", "admin"], value: { kind: "bool", value: true }, expected: true },
  { path: ["payload", "none"], value: { kind: "null" }, expected: true },
  { path: ["payload", "none"], value: { kind: "present", present: true }, expected: false },
  { path: ["payload", "gone"], value: { kind: "present", present: true }, expected: false },
  { path: ["payload", "iss"], value: { kind: "present", present: true }, expected: true },
  { path: ["payload", "deep", "x"], value: text("y"), expected: true },
  { path: ["payload", "iss", "length"], value: { kind: "number", value: 6 }, expected: false },
  { path: ["payload", "__proto__"], value: { kind: "present", present: true }, expected: false },
  { path: ["constructor"], value: { kind: "present", present: true }, expected: false },
  {
    path: ["payload", "iss"],
    value: { kind: "or", of: [text("x"), text("issuer")] },
    expected: true,
  },
] as const)("$path that is $value.kind: $expected", ({ path, value, expected }) => {
  const match = { filter: FILTER, path, value: value as ValueMatch, invert: false };
  expect(new MetadataMatcher(match).matches(metadata)).toBe(expected);
  expect(new MetadataMatcher({ ...match, invert: true }).matches(metadata)).toBe(!expected);
});

it("joins what one filter says twice", () => {
  const told = new DynamicMetadata();
  told.set(FILTER, { a: 1, b: 1 });
  told.set(FILTER, { b: 2 });
  expect(told.of(FILTER)).toEqual({ a: 1, b: 2 });
  told.reset();
  expect(told.of(FILTER)).toBeUndefined();
});

it("has nothing of a filter that has said nothing", () => {
  const value: ValueMatch = { kind: "present", present: true };
  const match = { filter: "another", path: ["payload"], value, invert: false };
  expect(new MetadataMatcher(match).matches(metadata)).toBe(false);
});
