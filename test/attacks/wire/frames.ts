/**
 * HTTP/2 as bytes (RFC 9113, RFC 7541), for attackers: it shares nothing with the codec under test
 * and writes whatever it is told to, legal or not.
 */

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

/** Names of error codes by their numbers (RFC 9113 section 7). */
export const CODES: readonly string[] = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
export const NOTHING: Buffer = Buffer.alloc(0);

/** `length` other than the payload's: a lie. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = NOTHING,
  length: number = payload.length,
): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([header, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** Pairs of identifier and value. */
export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [i, [identifier, value]] of pairs.entries()) {
    payload.writeUInt16BE(identifier, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return frame(TYPE.settings, 0, 0, payload);
}

export const SETTINGS_ACK: Buffer = frame(TYPE.settings, FLAG.ack, 0);

export function windowUpdate(stream: number, bytes: number): Buffer {
  return frame(TYPE.windowUpdate, 0, stream, uint32(bytes));
}

export function reset(stream: number, code = 8): Buffer {
  return frame(TYPE.reset, 0, stream, uint32(code));
}

export function goAway(lastStream: number, code = 0): Buffer {
  return frame(TYPE.goAway, 0, 0, Buffer.concat([uint32(lastStream), uint32(code)]));
}

export function data(stream: number, payload: Buffer | string, end = false): Buffer {
  return frame(TYPE.data, end ? FLAG.endStream : 0, stream, Buffer.from(payload));
}

/** An HPACK integer behind a prefix of so many bits (RFC 7541 section 5.1). */
export function integer(first: number, bits: number, value: number): Buffer {
  const most = (1 << bits) - 1;
  if (value < most) return Buffer.from([first | value]);
  const bytes = [first | most];
  let left = value - most;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return Buffer.from(bytes);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(0, 7, bytes.length), bytes]);
}

/** A literal with a new name: into the dynamic table, or nowhere. No Huffman code. */
export function literal(name: string, value: string, indexed = false): Buffer {
  return Buffer.concat([Buffer.from([indexed ? 0x40 : 0]), text(name), text(value)]);
}

/** A field that stands in a table already. */
export function index(place: number): Buffer {
  return integer(0x80, 7, place);
}

export type Field = readonly [name: string, value: string];

export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => literal(name, value)));
}

/** A whole head, or trailers, in one frame. */
export function headers(stream: number, payload: Buffer, end = true): Buffer {
  return frame(TYPE.headers, FLAG.endHeaders | (end ? FLAG.endStream : 0), stream, payload);
}

/** What every request needs, then `more`. */
export function requestFields(path: string, more: readonly Field[] = []): Field[] {
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "attack.example"],
    ...more,
  ];
}

export function get(stream: number, path: string, more: readonly Field[] = []): Buffer {
  return headers(stream, block(requestFields(path, more)));
}

/** A request whose body is still to come. */
export function post(stream: number, path: string, more: readonly Field[] = []): Buffer {
  const fields = requestFields(path, more).map(
    ([name, value]): Field => [name, name === ":method" ? "POST" : value],
  );
  return headers(stream, block(fields), false);
}
