import { expect, it } from "vitest";
import { BlockBuffer } from "./block-buffer.ts";

const KIB = 1024;

/** Of pieces of this size, how many of a block are taken. */
function taken(block: BlockBuffer, bytes: number): number {
  const piece = Buffer.alloc(bytes);
  block.begin();
  for (let count = 0; ; count++) if (!block.add(piece, 0, bytes)) return count;
}

it("a block takes 256 KiB, in 64 frames", () => {
  const block = new BlockBuffer(60 * KIB);
  expect(taken(block, 16 * KIB)).toBe(16);
  expect(taken(block, 1)).toBe(64);
});

it("a block takes as much as a longer list of fields needs", () => {
  const block = new BlockBuffer(1024 * KIB);
  expect(taken(block, 16 * KIB)).toBe(128);
  expect(taken(block, 1)).toBe(512);
});
