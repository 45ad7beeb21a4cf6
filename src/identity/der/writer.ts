/** DER out of its parts (X.690 section 10). */
import {
  BIT_STRING,
  BOOLEAN,
  GENERALIZED_TIME,
  INTEGER,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  SEQUENCE,
  SET,
  UTC_TIME,
  UTF8_STRING,
} from "./reader.ts";

/** From 2050 on, times are GeneralizedTime (RFC 5280 section 4.1.2.5). */
const GENERALIZED_FROM_MS = Date.UTC(2050);

export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag), lengthOf(value.length), value]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes = Buffer.from(evenHex(length.toString(16)), "hex");
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(SEQUENCE, ...parts);
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return element(SET, ...parts);
}

export function boolean(value: boolean): Buffer {
  return element(BOOLEAN, Buffer.of(value ? 0xff : 0));
}

/** A whole number from 0 on, big-endian. */
export function unsigned(magnitude: Uint8Array): Buffer {
  const bytes = Buffer.from(magnitude);
  const first = bytes.findIndex((byte) => byte !== 0);
  const short = first < 0 ? Buffer.of(0) : bytes.subarray(first);
  const negative = (short[0] ?? 0) >= 0x80;
  return element(INTEGER, negative ? Buffer.concat([Buffer.of(0), short]) : short);
}

export function integer(value: number): Buffer {
  return unsigned(Buffer.from(evenHex(value.toString(16)), "hex"));
}

/** `1.2.840.10045.4.3.2`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const octets = [first * 40 + second, ...rest].flatMap(base128);
  return element(OBJECT_IDENTIFIER, Buffer.from(octets));
}

function base128(value: number): number[] {
  const octets = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) octets.unshift(0x80 | (left & 0x7f));
  return octets;
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(OCTET_STRING, bytes);
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(BIT_STRING, Buffer.of(unusedBits), bytes);
}

export function utf8String(text: string): Buffer {
  return element(UTF8_STRING, Buffer.from(text, "utf8"));
}

/** Milliseconds since 1970 as a certificate has them: in seconds, rounded down. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, "").slice(0, 14);
  if (ms >= GENERALIZED_FROM_MS) return element(GENERALIZED_TIME, Buffer.from(`${digits}Z`));
  return element(UTC_TIME, Buffer.from(`${digits.slice(2)}Z`));
}

function evenHex(digits: string): string {
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}
