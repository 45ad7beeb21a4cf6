import { describe, expect, it } from "vitest";
import { hpackEvents } from "../../../test/support/hpack-events.ts";
import { readVectors, type Vector } from "../../../test/support/vector-file.ts";

const FOLDER = new URL("../../../test/vectors/hpack/", import.meta.url);

function eventsOf(vector: Vector, blocks: readonly Buffer[]): readonly string[] {
  const options = vector.options
    .filter((option) => option !== "")
    .map((option) => option.split("="))
    .map(([name = "", value]) => [name, Number(value)]);
  return hpackEvents(blocks, Object.fromEntries(options));
}

describe.each(["appendix-c.md", "representations.md", "refused.md", "malformed.md"])(
  "%s",
  (file) => {
    const vectors = readVectors(new URL(file, FOLDER));

    it.each(vectors)("$name", (vector) => {
      expect(eventsOf(vector, vector.parts)).toEqual(vector.expected);
    });
  },
);

describe("a block that is cut short", () => {
  const vectors = readVectors(new URL("appendix-c.md", FOLDER));

  it.each(vectors)("is either refused or a shorter list: $name", (vector) => {
    const block = vector.parts[0] ?? Buffer.alloc(0);
    const whole = hpackEvents([block]);
    for (let cut = 1; cut < block.length; cut++) {
      const events = hpackEvents([block.subarray(0, cut)]);
      const end = events.findIndex((event) => event === "end" || event.startsWith("error"));
      expect(events[end], `cut at ${cut}`).toMatch(/^(end|error truncated)$/);
      expect(whole.slice(0, end)).toEqual(events.slice(0, end));
    }
  });
});
