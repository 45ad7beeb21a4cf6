import { HpackDecoder } from "../../src/codec/hpack/decoder.ts";
import { MALFORMED } from "../../src/codec/hpack/field-id.ts";
import { STATIC_COUNT } from "../../src/codec/hpack/static-table.ts";

interface HpackOptions {
  /** The SETTINGS_HEADER_TABLE_SIZE that the peer has acknowledged before the first block. */
  readonly announced?: number;
  /** The sink wants no more fields of a block than these. */
  readonly wanted?: number;
}

/**
 * Decodes header blocks one after the other, and writes down what comes out, one line a field, a
 * block's end or a violation; then the dynamic table, newest entry first. It is what the vectors
 * under `test/vectors/hpack` expect.
 */
export function hpackEvents(blocks: readonly Buffer[], options: HpackOptions = {}): string[] {
  const lines: string[] = [];
  const decoder = new HpackDecoder();
  if (options.announced !== undefined) decoder.setTableSizeMax(options.announced);
  for (const block of blocks) {
    const violation = decodeInto(lines, decoder, block, options.wanted ?? Infinity);
    if (violation !== "none") return [...lines, `error ${violation}`];
    lines.push("end");
  }
  return [...lines, ...tableOf(decoder)];
}

function decodeInto(
  lines: string[],
  decoder: HpackDecoder,
  block: Buffer,
  wanted: number,
): ReturnType<HpackDecoder["decode"]> {
  let count = 0;
  return decoder.decode(block, 0, block.length, {
    field(id, name, value, neverIndexed) {
      const kind = id === MALFORMED ? "malformed" : neverIndexed ? "never" : "field";
      lines.push(`${kind} ${printable(name)}: ${printable(value)}`);
      return ++count < wanted;
    },
  });
}

/** Asks for one index after the other, until there is none. */
function tableOf(decoder: HpackDecoder): string[] {
  const lines: string[] = [];
  for (let index = STATIC_COUNT + 1; ; index++) {
    const probe: string[] = [];
    const block = Buffer.from(
      index < 127 ? [0x80 | index] : [0xff, 0x80 | ((index - 127) & 0x7f), (index - 127) >> 7],
    );
    if (decodeInto(probe, decoder, block, 1) !== "none") return lines;
    lines.push(`${index} ${probe[0]?.replace(/^field /, "")}`);
  }
}

/** Bytes outside visible ASCII as `\xNN`. */
function printable(text: string): string {
  return text.replaceAll(
    /[^ -~]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
