import { describe, expect, it } from "vitest";
import { readVectors } from "../../../test/support/vector-file.ts";
import { formatIp } from "../../base/ip-address.ts";
import { HeaderReader } from "./header-reader.ts";

const FOLDER = new URL("../../../test/vectors/proxy-protocol/", import.meta.url);

function addressOf(ip: Uint8Array, port: number): string {
  const text = formatIp(ip);
  return text.includes(":") ? `[${text}]:${port}` : `${text}:${port}`;
}

/** What a reader makes of the bytes, in one line. */
function readingOf(pieces: readonly Buffer[]): string {
  const reader = new HeaderReader(["v1", "v2"]);
  for (const [i, piece] of pieces.entries()) {
    const reading = reader.read(piece);
    if (reading === "more") continue;
    if (reading === "malformed") return reading;
    const rest = Buffer.concat([piece.subarray(reader.end), ...pieces.slice(i + 1)]);
    if (reading === "none") {
      return `none ${JSON.stringify(Buffer.concat([reader.kept, rest]).toString("latin1"))}`;
    }
    const { addresses, version } = reader;
    const whose =
      addresses === undefined
        ? "unknown"
        : [
            addressOf(addresses.sourceIp, addresses.sourcePort),
            addressOf(addresses.destinationIp, addresses.destinationPort),
          ].join(" ");
    return `found ${version} ${whose} ${JSON.stringify(rest.toString("latin1"))}`;
  }
  return "more";
}

describe.each(["v1.md", "v2.md"])("%s", (file) => {
  const vectors = readVectors(new URL(file, FOLDER));

  it.each(vectors)("$name", ({ bytes, expected }) => {
    expect([readingOf([bytes])]).toEqual(expected);
  });

  it.each(vectors)("$name, cut anywhere in two", ({ bytes, expected }) => {
    for (let cut = 1; cut < bytes.length; cut++) {
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
      expect([readingOf(pieces)], `cut at ${cut}`).toEqual(expected);
    }
  });

  it.each(vectors)("$name, byte by byte", ({ bytes, expected }) => {
    const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));
    expect([readingOf(pieces)]).toEqual(expected);
  });
});
