import { HpackDecoder } from "../../src/codec/hpack/decoder.ts";
import { HpackEncoder } from "../../src/codec/hpack/encoder.ts";
import { fieldId } from "../../src/codec/hpack/field-id.ts";
import type { BlockOutput } from "../../src/codec/hpack/literal-writer.ts";
import type { HpackViolation } from "../../src/codec/hpack/violation.ts";

export type Field = readonly [name: string, value: string];

/** An output that begins small and grows when it is asked for room. */
export class GrowingOutput implements BlockOutput {
  buffer: Buffer = Buffer.alloc(8);
  position = 0;

  room(bytes: number): void {
    const bigger = Buffer.alloc(this.position + bytes);
    this.buffer.copy(bigger, 0, 0, this.position);
    this.buffer = bigger;
  }
}

/** An encoder and the decoder that reads what it writes, with everything that they say. */
export class HpackPair {
  readonly encoder: HpackEncoder = new HpackEncoder();
  readonly decoder: HpackDecoder = new HpackDecoder();
  violation: HpackViolation = "none";

  /** The decoder's end announces a table size, the encoder's end hears of it. */
  announce(bytes: number): void {
    this.encoder.setTableSizeMax(bytes);
    this.decoder.setTableSizeMax(bytes);
  }

  encode(fields: readonly Field[]): Buffer {
    const output = new GrowingOutput();
    this.encoder.startBlock(output);
    for (const [name, value] of fields) this.encoder.field(output, fieldId(name), name, value);
    return output.buffer.subarray(0, output.position);
  }

  /** The fields of a block, as far as they are wanted. */
  decode(block: Buffer, wanted: number = Infinity): Field[] {
    const fields: Field[] = [];
    this.violation = this.decoder.decode(block, 0, block.length, {
      field(_id, name, value) {
        fields.push([name, value]);
        return fields.length < wanted;
      },
    });
    return fields;
  }
}
