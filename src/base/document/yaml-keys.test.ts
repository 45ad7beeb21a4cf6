import { expect, it } from "vitest";
import { parseDocument } from "yaml";
import { repeatedKeys } from "./yaml-keys.ts";

function offsetsOf(text: string): number[] {
  return repeatedKeys(parseDocument(text, { uniqueKeys: false })).map(({ offset }) => offset);
}

it("finds what stands twice, at any depth", () => {
  expect(offsetsOf("a: 1\nb: {c: 1, d: 2, c: 3}\na: 2\n")).toEqual([27, 21].sort((x, y) => y - x));
  expect(offsetsOf("- {a: 1}\n- {a: 1}\n")).toEqual([]);
});

it("tells numbers from texts, as YAML does", () => {
  expect(offsetsOf('1: a\n"1": b\n')).toEqual([]);
});

it("takes a large mapping, each key by one look", () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `"k${i}":1`);
  expect(offsetsOf(`{${keys.join()}}`)).toEqual([]);
});
