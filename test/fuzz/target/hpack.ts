import { hpackEvents } from "../../support/hpack-events.ts";
import { HpackPair } from "../../support/hpack-pair.ts";
import { readVectors } from "../../support/vector-file.ts";
import { type FuzzTarget, kindOf, mustHold } from "./target.ts";

const FILES = ["appendix-c.md", "representations.md", "refused.md", "malformed.md"];
const vectors = FILES.flatMap((file) =>
  readVectors(new URL(`../../vectors/hpack/${file}`, import.meta.url)),
);

/** Blocks stand one behind the other, each behind its length in two octets. */
function packed(blocks: readonly Buffer[]): Buffer {
  return Buffer.concat(
    blocks.flatMap((block) => [Buffer.from([block.length >> 8, block.length & 0xff]), block]),
  );
}

function blocksOf(input: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = 0; at + 2 <= input.length; ) {
    const end = Math.min(input.length, at + 2 + input.readUInt16BE(at));
    blocks.push(input.subarray(at + 2, end));
    at = end;
  }
  return blocks;
}

/** A block cannot say more than its octets and the table of 4 KiB, once for each octet. */
const BYTES_PER_OCTET = 4200;

/** Header blocks (RFC 7541), on one connection. */
export const hpack: FuzzTarget = {
  name: "hpack",
  seeds: vectors.map(({ parts }) => packed(parts)),
  tokens: [
    [0x82],
    [0xbe],
    [0x40],
    [0x00],
    [0x10],
    [0x20],
    [0x3f, 0xe1, 0x1f],
    [0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f],
    [0x8c, 0xff],
    [0xff, 0xff, 0xff, 0xff],
    [0x3f, 0xff, 0xff, 0xff, 0xff, 0x7f],
  ].map((bytes) => Buffer.from(bytes)),
  run(input) {
    const blocks = blocksOf(input);
    const events = hpackEvents(blocks);
    const size = events.reduce((sum, event) => sum + event.length, 0);
    const most = input.length * BYTES_PER_OCTET + 8192;
    mustHold(size <= most, "what comes out is bounded", () => `${size} of ${input.length} bytes`);
    sayAgain(blocks);
    return kindOf(events);
  },
};

/** What was decoded can be encoded by us, and says the same again. */
function sayAgain(blocks: readonly Buffer[]): void {
  const first = new HpackPair();
  const second = new HpackPair();
  for (const block of blocks) {
    const fields = first.decode(block);
    if (first.violation !== "none") return;
    const again = second.decode(second.encode(fields));
    mustHold(
      second.violation === "none" && JSON.stringify(again) === JSON.stringify(fields),
      "fields survive being encoded anew",
      () => `${second.violation} ${JSON.stringify(again)} of ${JSON.stringify(fields)}`,
    );
  }
}
