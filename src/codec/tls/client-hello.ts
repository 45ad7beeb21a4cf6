import { GrowingBytes } from "../../base/growing-bytes.ts";

/**
 * What a TLS client says first (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2), read without
 * answering it: the names by which a filter chain is chosen.
 */

/** The parts of a ClientHello that routing looks at. */
export interface ClientHello {
  /** Lower case, Latin-1; empty where the client names no server (RFC 6066 section 3). */
  readonly serverName: string;
  /** In the client's order; empty without ALPN (RFC 7301). Latin-1. */
  readonly alpnProtocols: readonly string[];
}

/**
 * `more` asks for more bytes. `notTls` also stands for a ClientHello that is malformed: Envoy's
 * tls_inspector does not tell the two apart. `tooLong` is a hello over the limit.
 */
export type ClientHelloReading = ClientHello | "more" | "notTls" | "tooLong";

/** Envoy's tls_inspector: `max_client_hello_size`. Bytes, record headers included. */
export const CLIENT_HELLO_BYTES_MAX: number = 16 * 1024;

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_HEADER_BYTES = 4;
/** RFC 8446 section 5.1: TLSPlaintext.length. */
const FRAGMENT_BYTES_MAX = 16 * 1024;
const CONTENT_HANDSHAKE = 22;
const MAJOR_VERSION = 3;
const CLIENT_HELLO = 1;
const RANDOM_BYTES = 32;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const NAME_HOST = 0;
/** RFC 1035 section 2.3.4. */
const HOST_NAME_BYTES_MAX = 255;

/** Reads the ClientHello at the start of a connection's bytes, in one go. */
export function readClientHello(bytes: Buffer): ClientHelloReading {
  return new ClientHelloReader().read(bytes);
}

/**
 * Reads the ClientHello that a connection begins with, piece by piece: first `more`, and then
 * always the same, wherever the bytes were cut. Each byte is looked at once.
 */
export class ClientHelloReader {
  readonly #recordHeader: Buffer = Buffer.alloc(RECORD_HEADER_BYTES);
  #headerBytes = 0;
  /** What is left of the record's fragment. */
  #left = 0;
  /** The handshake message, put together from as many records as it takes. */
  readonly #message = new GrowingBytes();
  #wanted = HANDSHAKE_HEADER_BYTES;
  #total = 0;

  read(bytes: Buffer): ClientHelloReading {
    for (let at = 0; at < bytes.length && this.#total < CLIENT_HELLO_BYTES_MAX; ) {
      const taken = this.#left === 0 ? 1 : this.#takeable(bytes.length - at);
      const reading =
        this.#left === 0
          ? this.#takeHeader(bytes[at] ?? 0)
          : this.#takeFragment(bytes.subarray(at, at + taken));
      if (reading !== "more") return reading;
      at += taken;
      this.#total += taken;
    }
    return this.#total < CLIENT_HELLO_BYTES_MAX ? "more" : "tooLong";
  }

  /** Not further than to where something new is to be decided. */
  #takeable(bytes: number): number {
    const missing = this.#wanted - this.#message.length;
    return Math.min(bytes, this.#left, missing, CLIENT_HELLO_BYTES_MAX - this.#total);
  }

  #takeHeader(byte: number): ClientHelloReading {
    const at = this.#headerBytes;
    if (at === 0 && byte !== CONTENT_HANDSHAKE) return "notTls";
    if (at === 1 && byte !== MAJOR_VERSION) return "notTls";
    this.#recordHeader[at] = byte;
    this.#headerBytes = at + 1;
    if (this.#headerBytes < RECORD_HEADER_BYTES) return "more";
    this.#headerBytes = 0;
    this.#left = this.#recordHeader.readUInt16BE(RECORD_HEADER_BYTES - 2);
    return this.#left === 0 || this.#left > FRAGMENT_BYTES_MAX ? "notTls" : "more";
  }

  #takeFragment(bytes: Buffer): ClientHelloReading {
    this.#message.append(bytes);
    this.#left -= bytes.length;
    const message = this.#message.bytes;
    if (message[0] !== CLIENT_HELLO) return "notTls";
    if (message.length < this.#wanted) return "more";
    if (this.#wanted > HANDSHAKE_HEADER_BYTES) return readMessage(message);
    const end = HANDSHAKE_HEADER_BYTES + message.readUIntBE(1, 3);
    if (end + RECORD_HEADER_BYTES > CLIENT_HELLO_BYTES_MAX) return "tooLong";
    this.#wanted = end;
    return end === HANDSHAKE_HEADER_BYTES ? "notTls" : "more";
  }
}

function readMessage(message: Buffer): ClientHelloReading {
  try {
    return readBody(new Reader(message.subarray(HANDSHAKE_HEADER_BYTES)));
  } catch (error) {
    if (error instanceof Malformed) return "notTls";
    throw error;
  }
}

function readBody(body: Reader): ClientHello {
  if (body.uint8() !== MAJOR_VERSION) throw new Malformed();
  body.uint8();
  body.take(RANDOM_BYTES);
  if (body.vector8().length > 32) throw new Malformed();
  const cipherSuites = body.vector16().length;
  if (cipherSuites === 0 || cipherSuites % 2 === 1) throw new Malformed();
  if (body.vector8().length === 0) throw new Malformed();
  if (body.done) return { serverName: "", alpnProtocols: [] };
  const extensions = new Reader(body.vector16());
  if (!body.done) throw new Malformed();
  return readExtensions(extensions);
}

/** An extension that comes twice could be read differently by whoever reads it next. */
function readExtensions(extensions: Reader): ClientHello {
  let serverName: string | undefined;
  let alpnProtocols: readonly string[] | undefined;
  while (!extensions.done) {
    const type = extensions.uint16();
    const data = extensions.vector16();
    if (type === EXTENSION_SERVER_NAME) {
      if (serverName !== undefined) throw new Malformed();
      serverName = readServerName(new Reader(data));
    } else if (type === EXTENSION_ALPN) {
      if (alpnProtocols !== undefined) throw new Malformed();
      alpnProtocols = readProtocols(new Reader(data));
    }
  }
  return { serverName: serverName ?? "", alpnProtocols: alpnProtocols ?? [] };
}

/** The first host name of the list. */
function readServerName(data: Reader): string {
  const list = new Reader(data.vector16());
  if (list.done || !data.done) throw new Malformed();
  let found = "";
  while (!list.done) {
    const type = list.uint8();
    const name = list.vector16();
    if (type === NAME_HOST && found === "") found = hostName(name);
  }
  return found;
}

/** Whatever is not empty, too long or cut by a NUL: as a name that nobody has, it finds nobody. */
function hostName(bytes: Buffer): string {
  const { length } = bytes;
  if (length === 0 || length > HOST_NAME_BYTES_MAX || bytes.includes(0)) throw new Malformed();
  return bytes.toString("latin1").toLowerCase();
}

function readProtocols(data: Reader): readonly string[] {
  const list = new Reader(data.vector16());
  if (list.done || !data.done) throw new Malformed();
  const protocols: string[] = [];
  while (!list.done) {
    const protocol = list.vector8();
    if (protocol.length === 0) throw new Malformed();
    protocols.push(protocol.toString("latin1"));
  }
  return protocols;
}

/** The bytes are no ClientHello; caught where reading began. */
class Malformed extends Error {}

/** Reads from front to back; throws where the bytes end too early. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Malformed();
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  uint8(): number {
    return this.take(1).readUInt8(0);
  }

  uint16(): number {
    return this.take(2).readUInt16BE(0);
  }

  /** Bytes behind their length in one byte. */
  vector8(): Buffer {
    return this.take(this.uint8());
  }

  /** Bytes behind their length in two bytes. */
  vector16(): Buffer {
    return this.take(this.uint16());
  }
}
