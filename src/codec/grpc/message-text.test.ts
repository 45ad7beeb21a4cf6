import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeGrpcMessage, encodeGrpcMessage } from "./message-text.ts";

it.each([
  ["no healthy upstream", "no healthy upstream"],
  ["100%", "100%25"],
  ["a\nb", "a%0Ab"],
  ["~", "%7E"],
  ["né", "n%C3%A9"],
])("writes %j as %j", (text, encoded) => {
  expect(encodeGrpcMessage(text)).toBe(encoded);
  expect(decodeGrpcMessage(encoded)).toBe(text);
});

it("leaves an escape that is none as it is", () => {
  expect(decodeGrpcMessage("50% off %2")).toBe("50% off %2");
});

it("reads back whatever it writes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(decodeGrpcMessage(encodeGrpcMessage(text))).toBe(text);
    }),
  );
});
