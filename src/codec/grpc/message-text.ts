/** Bytes that stand for themselves in `grpc-message`; Envoy also escapes the tilde. */
const PLAIN_FIRST = 0x20;
const PLAIN_LAST = 0x7d;
const PERCENT = 0x25;

const ESCAPE = /%[0-9A-Fa-f]{2}/g;

/** A text as a `grpc-message` carries it: UTF-8, percent-encoded (doc/PROTOCOL-HTTP2.md). */
export function encodeGrpcMessage(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text)) {
    const plain = byte >= PLAIN_FIRST && byte <= PLAIN_LAST && byte !== PERCENT;
    encoded += plain ? String.fromCharCode(byte) : escaped(byte);
  }
  return encoded;
}

/** The text of a `grpc-message`. Never fails: an escape that is none stands for itself. */
export function decodeGrpcMessage(encoded: string): string {
  const bytes = encoded.replace(ESCAPE, (sign) =>
    String.fromCharCode(Number.parseInt(sign.slice(1), 16)),
  );
  return Buffer.from(bytes, "latin1").toString();
}

function escaped(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
