import { describe, expect, it } from "vitest";
import { http2Events, readHttp2Vectors } from "../../../test/support/h2-events.ts";

const FOLDER = new URL("../../../test/vectors/h2/", import.meta.url);
/** Longer ones are cut at some places only. */
const CUTS_MAX = 400;

describe.each([
  "messages.md",
  "streams.md",
  "frames.md",
  "settings-and-windows.md",
  "floods.md",
  "responses.md",
])("%s", (file) => {
  const vectors = readHttp2Vectors(new URL(file, FOLDER));

  it.each(vectors)("$name", ({ bytes, options, expected }) => {
    expect(http2Events([bytes], options)).toEqual(expected);
  });

  it.each(vectors)("$name, cut anywhere in two", ({ bytes, options, expected }) => {
    const step = Math.ceil(bytes.length / CUTS_MAX);
    for (let cut = 1; cut < bytes.length; cut += step) {
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
      expect(http2Events(pieces, options), `cut at ${cut}`).toEqual(expected);
    }
  });

  it.each(vectors)("$name, byte by byte", ({ bytes, options, expected }) => {
    const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));
    expect(http2Events(pieces, options)).toEqual(expected);
  });
});
