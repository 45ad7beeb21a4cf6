import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Field, HpackPair } from "../../../test/support/hpack-pair.ts";
import { HpackDecoder } from "./decoder.ts";
import { fieldId } from "./field-id.ts";

const TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";

const latin1 = fc
  .array(fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })))
  .map((codes) => String.fromCharCode(...codes).replaceAll(/^ +| +$/g, ""));

const name = fc.oneof(
  fc.constantFrom(":method", ":path", ":authority", "user-agent", "cookie", "authorization"),
  fc.constantFrom("x-request-id", "x-a", "x-b", "accept-charset", "proxy-authorization", "server"),
  fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 12 }),
);

/** Few values for many fields, so that they come again. */
const value = fc.oneof(fc.constantFrom("", "GET", "/", "a", "b", "c".repeat(60)), latin1);

const field: fc.Arbitrary<Field> = fc.tuple(name, value);

/** A block, after a new table size perhaps, of which the sink may not want all. */
const exchange = fc.record({
  tableSize: fc.option(fc.constantFrom(0, 33, 100, 300, 4096, 65_536)),
  fields: fc.array(field, { maxLength: 12 }),
  wanted: fc.option(fc.nat(3).map((count) => count + 1)),
});

describe("a block", () => {
  it("says after any other blocks, table sizes and refusals what was put in", () => {
    fc.assert(
      fc.property(fc.array(exchange, { maxLength: 20 }), (exchanges) => {
        const pair = new HpackPair();
        for (const { tableSize, fields, wanted } of exchanges) {
          if (tableSize !== null) pair.announce(tableSize);
          const seen = pair.decode(pair.encode(fields), wanted ?? Infinity);
          expect(pair.violation).toBe("none");
          expect(seen).toEqual(fields.slice(0, wanted ?? fields.length));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("says so after thousands of fields that push each other out of the table", () => {
    const pair = new HpackPair();
    for (let i = 0; i < 3000; i++) {
      const fields: Field[] = [
        [`x-${i % 50}`, `value ${i % 7}`],
        [":path", `/${i % 3}`],
        ["user-agent", "u".repeat(i % 400)],
      ];
      expect(pair.decode(pair.encode(fields))).toEqual(fields);
    }
  });
});

describe("the decoder", () => {
  /** First octets of each kind, lengths that may fit, and anything. */
  const octet = fc.oneof(
    fc.constantFrom(0x82, 0xbe, 0xbf, 0xc0, 0x40, 0x7e, 0x00, 0x0f, 0x10, 0x20, 0x3f, 0x81, 0x83),
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 0, max: 255 }),
  );
  const block = fc.array(octet, { maxLength: 60 }).map((octets) => Buffer.from(octets));

  it("ends with a word whatever the bytes, and tells names and values within its block", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), (blocks) => {
        const pair = new HpackPair();
        const bytes = blocks.reduce((sum, one) => sum + one.length, 0);
        for (const one of blocks) {
          for (const [fieldName, fieldValue] of pair.decode(one)) {
            expect(fieldName.length + fieldValue.length).toBeLessThan(bytes * 4 + 64);
          }
          expect(pair.violation).toMatch(/^[a-zA-Z]+$/);
          if (pair.violation !== "none") return;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("reads no octet outside its block", () => {
    fc.assert(
      fc.property(block, fc.nat(255), (inner, around) => {
        const read = (bytes: Buffer, start: number, end: number): unknown[] => {
          const seen: unknown[] = [];
          const violation = new HpackDecoder().decode(bytes, start, end, {
            field: (...one) => seen.push(one) > 0,
          });
          return [...seen, violation];
        };
        const padding = Buffer.alloc(8, around);
        const padded = Buffer.concat([padding, inner, padding]);
        const alone = read(inner, 0, inner.length);
        expect(read(padded, 8, 8 + inner.length)).toEqual(alone);
      }),
    );
  });

  it("numbers well-formed names, those of pseudo-header fields included", () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
        const pair = new HpackPair();
        const ids: number[] = [];
        const bytes = pair.encode(fields);
        pair.decoder.decode(bytes, 0, bytes.length, { field: (id) => ids.push(id) > 0 });
        const wanted = fields.map(([fieldName]) => fieldId(fieldName));
        expect(ids).toEqual(wanted);
      }),
    );
  });
});
