import { describe, expect, it } from "vitest";
import { requestEvents, responseEvents } from "../../../test/support/h1-events.ts";
import { readVectors, type Vector } from "../../../test/support/vector-file.ts";

const FOLDER = new URL("../../../test/vectors/h1/", import.meta.url);

function eventsOf(vector: Vector, pieces: readonly Buffer[], file: string): readonly string[] {
  if (file !== "response.md") return requestEvents(pieces);
  const method = vector.options.find((option) => option.startsWith("method="))?.slice(7) ?? "GET";
  return responseEvents(pieces, { method, close: vector.options.includes("close") });
}

describe.each(["request-head.md", "request-body.md", "response.md"])("%s", (file) => {
  const vectors = readVectors(new URL(file, FOLDER));

  it.each(vectors)("$name", (vector) => {
    expect(eventsOf(vector, [vector.bytes], file)).toEqual(vector.expected);
  });

  it.each(vectors)("$name, cut anywhere in two", (vector) => {
    for (let cut = 1; cut < vector.bytes.length; cut++) {
      const pieces = [vector.bytes.subarray(0, cut), vector.bytes.subarray(cut)];
      expect(eventsOf(vector, pieces, file), `cut at ${cut}`).toEqual(vector.expected);
    }
  });

  it.each(vectors)("$name, byte by byte", (vector) => {
    const pieces = Array.from(vector.bytes, (byte) => Buffer.from([byte]));
    expect(eventsOf(vector, pieces, file)).toEqual(vector.expected);
  });
});
