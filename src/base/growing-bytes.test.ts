import fc from "fast-check";
import { expect, it } from "vitest";
import { GrowingBytes } from "./growing-bytes.ts";

it("is all that was appended, in its order", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 700 })), (pieces) => {
      const all = new GrowingBytes();
      for (const piece of pieces) all.append(piece);
      expect(all.bytes).toEqual(Buffer.concat(pieces));
      expect(all.length).toBe(all.bytes.length);
    }),
  );
});

it("leaves alone what was seen of it before", () => {
  const all = new GrowingBytes();
  all.append(Buffer.from("abc"));
  const before = all.bytes;
  all.append(Buffer.from("def"));
  expect(before.toString()).toBe("abc");
  expect(all.bytes.toString()).toBe("abcdef");
});
