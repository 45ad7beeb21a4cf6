// hot path: no allocation per request
import { EncoderTable, TABLE_SIZE_MAX } from "./encoder-table.ts";
import { FIELD_NAMES } from "./field-id.ts";
import { ADAPTIVE, COOKIE, COOKIE_LENGTH_SAFE, SECRET } from "./indexing-rule.ts";
import {
  type BlockOutput,
  INTEGER_OCTETS_MAX,
  writeInteger,
  writePlain,
  writeShortest,
} from "./literal-writer.ts";
import { STATIC_IDS, STATIC_VALUES } from "./static-table.ts";

// The first octets of the representations, and the prefixes of their indexes (RFC 7541 section 6).
const INDEXED = 0x80;
const INDEXED_MASK = 0x7f;
const ADDED = 0x40;
const ADDED_MASK = 0x3f;
const SIZE_UPDATE = 0x20;
const SIZE_UPDATE_MASK = 0x1f;
const NEVER_INDEXED = 0x10;
const NOT_ADDED = 0x00;
const LITERAL_MASK = 0x0f;

/** Octets of a field beyond its texts: an index and two lengths. */
const FIELD_OVERHEAD: number = 3 * INTEGER_OCTETS_MAX;

/** By id: where its static entries with a value begin, and behind which they end. */
const STATIC_FIRST: Uint8Array = new Uint8Array(FIELD_NAMES.length);
const STATIC_END: Uint8Array = new Uint8Array(FIELD_NAMES.length);

fillStatic();

/**
 * Writes header blocks (RFC 7541). One per connection.
 *
 * The peer is mostly another sidecar close by, so that processor time counts, not octets: a value
 * that is sent once goes as plain text (17 ns, whatever its length, where coding takes 2 ns a
 * character here and again there); what enters the table goes in the shorter form, once.
 */
export class HpackEncoder {
  readonly #table = new EncoderTable();
  /** Sizes to be announced by the next block: the least of all since the last one, and the last. */
  #sizeLeast: number = TABLE_SIZE_MAX;
  #sizeLast: number = TABLE_SIZE_MAX;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; the next block begins with the update it asks for. */
  setTableSizeMax(bytes: number): void {
    this.#sizeLast = Math.min(bytes, TABLE_SIZE_MAX);
    this.#sizeLeast = Math.min(this.#sizeLeast, this.#sizeLast);
  }

  /** Begins a block: before its first field. */
  startBlock(output: BlockOutput): void {
    const table = this.#table;
    if (this.#sizeLeast === table.sizeMax && this.#sizeLast === table.sizeMax) return;
    makeRoom(output, 2 * INTEGER_OCTETS_MAX);
    if (this.#sizeLeast < Math.min(this.#sizeLast, table.sizeMax)) {
      this.#resize(output, this.#sizeLeast);
    }
    this.#resize(output, this.#sizeLast);
    this.#sizeLeast = this.#sizeLast;
  }

  /**
   * One field, its name in lower case; `id` as field-id.ts numbers names. Text is Latin-1. What
   * indexing-rule.ts knows to be a secret is never indexed without being asked.
   */
  field(output: BlockOutput, id: number, name: string, value: string): void {
    makeRoom(output, name.length + value.length + FIELD_OVERHEAD);
    const fixed = staticIndexOf(id, value);
    if (fixed !== 0) {
      output.buffer[output.position++] = INDEXED | fixed;
      return;
    }
    const table = this.#table;
    const slot = table.slotOf(id, name);
    if (slot < 0) {
      this.#literal(output, NOT_ADDED, 0, name, value);
      return;
    }
    const rule = table.rule(slot);
    const index = rule === ADAPTIVE ? table.indexOf(slot, value) : 0;
    if (index !== 0) writeInteger(output, INDEXED, INDEXED_MASK, index);
    else if (isSecret(rule, value)) this.#writeSecret(output, slot, name, value);
    else this.#writeNew(output, slot, rule, name, value);
  }

  /** One field that no table may keep, here or at any later hop (section 6.2.3). */
  secretField(output: BlockOutput, id: number, name: string, value: string): void {
    makeRoom(output, name.length + value.length + FIELD_OVERHEAD);
    this.#writeSecret(output, this.#table.slotOf(id, name), name, value);
  }

  #writeSecret(output: BlockOutput, slot: number, name: string, value: string): void {
    const index = slot < 0 ? 0 : this.#table.nameIndexOf(slot);
    this.#literal(output, NEVER_INDEXED, index, name, value);
  }

  /** A field that the table does not hold: added where its name or value is likely to return. */
  #writeNew(output: BlockOutput, slot: number, rule: number, name: string, value: string): void {
    const table = this.#table;
    const index = table.nameIndexOf(slot);
    const returns = index === 0 || (rule === ADAPTIVE && table.comesAgain(slot, value));
    if (!returns || !table.takes(name, value)) {
      this.#literal(output, NOT_ADDED, index, name, value);
      return;
    }
    writeInteger(output, ADDED, ADDED_MASK, index);
    if (index === 0) writeShortest(output, name);
    writeShortest(output, value);
    table.add(slot, name, value);
  }

  #literal(output: BlockOutput, kind: number, index: number, name: string, value: string): void {
    writeInteger(output, kind, LITERAL_MASK, index);
    if (index === 0) writePlain(output, name);
    writePlain(output, value);
  }

  #resize(output: BlockOutput, size: number): void {
    this.#table.resize(size);
    writeInteger(output, SIZE_UPDATE, SIZE_UPDATE_MASK, size);
  }
}

function makeRoom(output: BlockOutput, bytes: number): void {
  if (output.position + bytes > output.buffer.length) output.room(bytes);
}

/** The static entry that is this very field, or 0. */
function staticIndexOf(id: number, value: string): number {
  const end = STATIC_END[id] as number;
  for (let i = STATIC_FIRST[id] as number; i < end; i++) if (STATIC_VALUES[i] === value) return i;
  return 0;
}

function isSecret(rule: number, value: string): boolean {
  return rule === SECRET || (rule === COOKIE && value.length < COOKIE_LENGTH_SAFE);
}

function fillStatic(): void {
  for (const [index, id] of STATIC_IDS.entries()) {
    if (STATIC_VALUES[index] === "") continue;
    if (STATIC_END[id] === 0) STATIC_FIRST[id] = index;
    STATIC_END[id] = index + 1;
  }
}
