import fc from "fast-check";
import { expect, it } from "vitest";
import { ExpectedBytes } from "./expected-bytes.ts";

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}

/** Whether the parts were found in what came in these pieces. */
function finds(parts: readonly string[], ...pieces: readonly string[]): boolean {
  const expected = new ExpectedBytes(parts.map(hex));
  for (const piece of pieces) expected.read(Buffer.from(piece));
  return expected.complete;
}

it.each([
  { parts: [], text: "", found: true },
  { parts: ["ready"], text: "is ready", found: true },
  { parts: ["ready", "steady"], text: "ready, then steady", found: true },
  { parts: ["steady", "ready"], text: "ready, then steady", found: false },
  { parts: ["aa", "aa"], text: "aaa", found: false },
  { parts: ["aa", "aa"], text: "aaaa", found: true },
  { parts: ["aab"], text: "aaab", found: true },
])("$parts in $text: $found, however it is cut", ({ parts, text, found }) => {
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(text.length), (one, other) => {
      const [from, to] = [Math.min(one, other), Math.max(one, other)];
      const pieces = [text.slice(0, from), text.slice(from, to), text.slice(to)];
      expect(finds(parts, ...pieces)).toBe(found);
      expect(finds(parts, ...text)).toBe(found);
    }),
  );
});
