/** Reads DNS queries (RFC 1035, RFC 6891) strictly: nothing behind this file sees hostile bytes. */

export interface Query {
  /** The whole message, as it came. */
  readonly bytes: Buffer;
  readonly id: number;
  readonly recursionDesired: boolean;
  /** Lower case, without the closing dot; undefined where a label holds no plain text. */
  readonly name: string | undefined;
  /** The name in the client's own case, which replies repeat. */
  readonly writtenName: string;
  /** RFC 1035, 3.2.2, as a number. */
  readonly type: number;
  readonly class: number;
  /** Where the question ends. */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
}

/** The client's OPT record. */
export interface Edns {
  readonly version: number;
  /** The datagram that the client can take. */
  readonly payloadBytes: number;
}

/** What is no query gets no reply; a query that cannot be read gets this code. */
export type Reading =
  | { readonly kind: "query"; readonly query: Query }
  | { readonly kind: "refused"; readonly header: RefusedHeader; readonly code: number }
  | { readonly kind: "dropped" };

/** What the reply to an unreadable query repeats. */
export interface RefusedHeader {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
}

export const CODE = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
} as const;

export const TYPE = {
  a: 1,
  cname: 5,
  hinfo: 13,
  ptr: 12,
  aaaa: 28,
  srv: 33,
  opt: 41,
  ixfr: 251,
  axfr: 252,
  any: 255,
} as const;

export const CLASS_IN = 1;
export const HEADER_BYTES = 12;
const NAME_BYTES_MAX = 255;
const LABEL_BYTES_MAX = 63;
/** An OPT record and a signature. */
const ADDITIONALS_MAX = 2;
const POINTER = 0xc0;

class Unreadable extends Error {}

export function readQuery(bytes: Buffer): Reading {
  if (bytes.length < HEADER_BYTES) return { kind: "dropped" };
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return { kind: "dropped" };
  const header = {
    id: bytes.readUInt16BE(0),
    opcode: (flags >> 11) & 15,
    recursionDesired: (flags & 0x0100) !== 0,
  };
  if (header.opcode !== 0) return { kind: "refused", header, code: CODE.notImplemented };
  try {
    return { kind: "query", query: readBody(bytes, header) };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { kind: "refused", header, code: CODE.formatError };
  }
}

function readBody(bytes: Buffer, { id, recursionDesired }: RefusedHeader): Query {
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) =>
    bytes.readUInt16BE(at),
  );
  if (questions !== 1 || answers !== 0 || authorities !== 0) throw new Unreadable();
  const { labels, end } = readName(bytes, HEADER_BYTES);
  need(bytes, end + 4);
  const writtenName = labels.join(".");
  return {
    ...{ bytes, id, recursionDesired, writtenName },
    name: labels.every(isPlain) ? writtenName.toLowerCase() : undefined,
    type: bytes.readUInt16BE(end),
    class: bytes.readUInt16BE(end + 2),
    questionEnd: end + 4,
    edns: readAdditionals(bytes, end + 4, additionals ?? 0),
  };
}

/** A question's name has nothing before it that a pointer could point to. */
function readName(bytes: Buffer, start: number): { labels: string[]; end: number } {
  const labels: string[] = [];
  for (let at = start; ; ) {
    need(bytes, at + 1);
    const length = bytes.readUInt8(at);
    if (length === 0) return { labels, end: at + 1 };
    need(bytes, at + 1 + length);
    const next = at + 1 + length;
    if (length > LABEL_BYTES_MAX || next + 1 - start > NAME_BYTES_MAX) throw new Unreadable();
    labels.push(bytes.toString("latin1", at + 1, next));
    at = next;
  }
}

function readAdditionals(bytes: Buffer, start: number, count: number): Edns | undefined {
  if (count > ADDITIONALS_MAX) throw new Unreadable();
  let edns: Edns | undefined;
  let at = start;
  for (let index = 0; index < count; index++) {
    const fixed = skipName(bytes, at);
    need(bytes, fixed + 10);
    const end = fixed + 10 + bytes.readUInt16BE(fixed + 8);
    need(bytes, end);
    if (bytes.readUInt16BE(fixed) === TYPE.opt) {
      // One at most, and its name is the root (RFC 6891, 6.1.1).
      if (edns !== undefined || fixed !== at + 1) throw new Unreadable();
      edns = { version: bytes.readUInt8(fixed + 5), payloadBytes: bytes.readUInt16BE(fixed + 2) };
    }
    at = end;
  }
  if (at !== bytes.length) throw new Unreadable();
  return edns;
}

/** A key's name may end in a pointer; it is not read, so it is not followed. */
function skipName(bytes: Buffer, start: number): number {
  for (let at = start; ; ) {
    need(bytes, at + 1);
    const length = bytes.readUInt8(at);
    if (length === 0) return at + 1;
    if (length >= POINTER) return at + 2;
    if (length > LABEL_BYTES_MAX || at - start > NAME_BYTES_MAX) throw new Unreadable();
    at += 1 + length;
  }
}

function need(bytes: Buffer, end: number): void {
  if (end > bytes.length) throw new Unreadable();
}

/** Printable ASCII without a dot: what can be written as text and read back as the same bytes. */
function isPlain(label: string): boolean {
  return /^[!-~]+$/.test(label) && !label.includes(".");
}
