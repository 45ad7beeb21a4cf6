/** DER (X.690 section 10): short tags and definite lengths, which is all that X.509 needs. */

export interface DerElement {
  readonly tag: number;
  /** The contents. */
  readonly value: Buffer;
  /** Tag, length and contents. */
  readonly raw: Buffer;
}

/** Identifier octets (X.690 section 8.1.2). */
export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OBJECT_IDENTIFIER = 0x06;
export const UTF8_STRING = 0x0c;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30;
export const SET = 0x31;
/** A context tag, constructed: `[n]`. */
export const CONTEXT = 0xa0;
/** A context tag, primitive: `[n] IMPLICIT` of a string. */
export const CONTEXT_PRIMITIVE = 0x80;

/** The value of the first element, which must have this tag. Throws a RangeError. */
export function only([first]: readonly (DerElement | undefined)[], tag: number): Buffer {
  if (first?.tag !== tag) throw new RangeError(NOT_DER);
  return first.value;
}

/** Elements one after the other. Throws a RangeError where they do not fill the bytes. */
export function elementsOf(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  let at = 0;
  while (at < bytes.length) {
    const from = at;
    const tag = byteAt(bytes, at);
    const first = byteAt(bytes, at + 1);
    const lengthBytes = first < 0x80 ? 0 : first - 0x80;
    if (first === 0x80 || lengthBytes > 4) throw new RangeError(NOT_DER);
    const start = at + 2 + lengthBytes;
    let length = first;
    if (lengthBytes > 0) {
      if (start > bytes.length) throw new RangeError(NOT_DER);
      length = bytes.readUIntBE(at + 2, lengthBytes);
    }
    at = start + length;
    if (at > bytes.length) throw new RangeError(NOT_DER);
    elements.push({ tag, value: bytes.subarray(start, at), raw: bytes.subarray(from, at) });
  }
  return elements;
}

const NOT_DER = "not DER of the expected form";

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError(NOT_DER);
  return byte;
}
