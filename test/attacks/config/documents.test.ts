import { afterEach, describe, expect, it } from "vitest";
import { BOOTSTRAPS, OBJECTS, readAsBootstrap, readAsObjects } from "./documents.ts";

const PROTOTYPE: readonly string[] = Object.getOwnPropertyNames(Object.prototype);

afterEach(() => {
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(PROTOTYPE);
  expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined();
});

describe("a hostile bootstrap", () => {
  it.each(BOOTSTRAPS)("$name: $verdict", ({ text, verdict }) => {
    expect(readAsBootstrap(text())).toMatch(verdict);
  });
});

describe("hostile Kubernetes objects", () => {
  it.each(OBJECTS)("$name: $verdict", ({ text, verdict }) => {
    expect(readAsObjects(text())).toMatch(verdict);
  });
});
