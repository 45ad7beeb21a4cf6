import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeServing, encodeHealthRequest } from "./health-message.ts";

it("asks for a service by name, and for the whole server by nothing", () => {
  expect(encodeHealthRequest("")).toEqual(Buffer.alloc(0));
  expect(encodeHealthRequest("a.B")).toEqual(Buffer.from("\n\x03a.B"));
  const long = "s".repeat(300);
  expect(encodeHealthRequest(long)).toEqual(Buffer.from(`\n\xac\x02${long}`, "latin1"));
});

it.each([
  ["SERVING", [0x08, 1], true],
  ["NOT_SERVING", [0x08, 2], false],
  ["UNKNOWN, which goes unsaid", [], false],
  ["the last of two", [0x08, 2, 0x08, 1], true],
  ["SERVING beside fields of the future", [0x12, 1, 65, 0x1d, 1, 2, 3, 4, 0x08, 1, 0x20, 5], true],
])("understands %s", (_, bytes, serving) => {
  expect(decodeServing(Buffer.from(bytes))).toBe(serving);
});

it.each([
  ["a number that never ends", [0x08, 0xff]],
  ["a text that is too short", [0x12, 9, 65]],
  ["a wire type that does not exist", [0x0b]],
  ["eight bytes that are four", [0x11, 1, 2, 3, 4]],
])("refuses %s", (_, bytes) => {
  expect(decodeServing(Buffer.from(bytes))).toBeUndefined();
});

it("comes to an end whatever it reads", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect([true, false, undefined]).toContain(decodeServing(Buffer.from(bytes)));
    }),
  );
});
