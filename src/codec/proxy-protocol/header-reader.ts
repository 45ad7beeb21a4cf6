import { parseIp } from "../../base/ip-address.ts";
import {
  areEnds,
  DATAGRAM,
  FAMILY_IPV4,
  FAMILY_IPV6,
  FIXED_BYTES,
  type HeaderVersion,
  LINE_BYTES_MAX,
  LOCAL,
  PROXY,
  type ProxiedAddresses,
  STREAM,
  V1_START,
  V2_START,
  VERSION_2,
} from "./header.ts";

const CR = 13;
const LF = 10;
const PORT = /^(?:0|[1-9]\d{0,4})$/;
const PORT_MAX = 65_535;
const TLV_HEAD_BYTES = 3;

/**
 * `more` asks for more bytes; `none`: the bytes are no header, `malformed`: one that breaks the
 * rules. Each but `more` is the last answer.
 */
export type HeaderReading = "more" | "found" | "none" | "malformed";

/**
 * ```
 *   start -> line --------------------------------> found        version 1
 *     |
 *     +----> fixed -> addresses -> tlv <-> value -> found        version 2, PROXY
 *               |                   +-------------> found
 *               +---> value ----------------------> found        version 2, LOCAL
 * ```
 */
type State = "start" | "line" | "fixed" | "addresses" | "tlv" | "value";

/**
 * Reads the header at a connection's beginning, piece by piece. It keeps at most 107 bytes: what a
 * header adds behind the addresses (TLVs) is checked for its form and left.
 */
export class HeaderReader {
  readonly #versions: readonly HeaderVersion[];
  readonly #kept: Buffer = Buffer.alloc(LINE_BYTES_MAX);
  #state: State = "start";
  #length = 0;
  /** Bytes of the header behind those that were read (version 2). */
  #left = 0;
  /** Bytes of the value that is under way, and of the head of the one that follows. */
  #value = 0;
  #tlvHead = 0;
  #tlvLength = 0;
  /** Known as soon as the bytes can be no other's. */
  version: HeaderVersion | undefined;
  /** Undefined before `found`, and where the connection is the sender's own (LOCAL, UNKNOWN). */
  addresses: ProxiedAddresses | undefined;
  /**
   * Where the payload begins in the piece that was read last; after `none` it has `kept` before it.
   */
  end = 0;

  /** `versions`: those that are looked for; another's header is none. */
  constructor(versions: readonly HeaderVersion[]) {
    this.#versions = versions;
  }

  /** What was read before anything was found: payload, where there is no header. */
  get kept(): Buffer {
    return this.#kept.subarray(0, this.#length);
  }

  /** True where what was read is no longer all there: TLVs have been left. */
  get hasLeft(): boolean {
    return this.#state === "tlv" || this.#state === "value";
  }

  read(bytes: Buffer): HeaderReading {
    let at = 0;
    while (at < bytes.length) {
      let reading: HeaderReading = "more";
      if (this.#state === "value") {
        const taken = Math.min(this.#value, bytes.length - at);
        at += taken;
        reading = this.#skip(taken);
      } else {
        reading = this.#take(bytes[at] ?? 0);
        if (reading !== "none") at++;
      }
      if (reading === "more") continue;
      this.end = at;
      return reading;
    }
    return "more";
  }

  #take(byte: number): HeaderReading {
    if (this.#state === "tlv") return this.#takeTlvHead(byte);
    const at = this.#length;
    if (this.#state === "start" && !this.#mayBegin(byte, at)) return "none";
    this.#kept[at] = byte;
    this.#length = at + 1;
    switch (this.#state) {
      case "start":
        return this.#begin();
      case "line":
        return this.#takeLine(byte, at);
      case "fixed":
        return this.#takeFixed(byte, at);
      default:
        return this.#takeAddresses();
    }
  }

  #mayBegin(byte: number, at: number): boolean {
    const one = this.#versions.includes("v1") && V1_START[at] === byte;
    const two = this.#versions.includes("v2") && V2_START[at] === byte;
    // The first byte tells the versions apart; after it there is one candidate.
    return at === 0 ? one || two : startOf(this.#kept)[at] === byte;
  }

  #begin(): HeaderReading {
    const start = startOf(this.#kept);
    if (this.#length < start.length) return "more";
    this.version = start === V1_START ? "v1" : "v2";
    this.#state = start === V1_START ? "line" : "fixed";
    return "more";
  }

  #takeLine(byte: number, at: number): HeaderReading {
    const afterCr = this.#kept[at - 1] === CR;
    if (afterCr && byte === LF) return this.#readLine();
    const visible = byte >= 0x20 && byte < 0x7f;
    if (afterCr || !(visible || byte === CR)) return "malformed";
    return this.#length < LINE_BYTES_MAX ? "more" : "malformed";
  }

  #readLine(): HeaderReading {
    const line = this.#kept.toString("latin1", V1_START.length, this.#length - 2);
    if (line === "UNKNOWN" || line.startsWith("UNKNOWN ")) return "found";
    this.addresses = addressesOf(line);
    return this.addresses === undefined ? "malformed" : "found";
  }

  #takeFixed(byte: number, at: number): HeaderReading {
    const command = (this.#kept[V2_START.length] ?? 0) & 0x0f;
    if (at === V2_START.length) {
      const known = byte >> 4 === VERSION_2 && (command === LOCAL || command === PROXY);
      return known ? "more" : "malformed";
    }
    if (at === V2_START.length + 1 && command === PROXY) {
      return addressBytes(byte) > 0 ? "more" : "malformed";
    }
    if (this.#length < FIXED_BYTES) return "more";
    this.#left = this.#kept.readUInt16BE(FIXED_BYTES - 2);
    if (command === LOCAL) return this.#enterValue(this.#left);
    const wanted = addressBytes(this.#kept[V2_START.length + 1] ?? 0);
    if (this.#left < wanted) return "malformed";
    this.#left -= wanted;
    this.#state = "addresses";
    return "more";
  }

  #takeAddresses(): HeaderReading {
    const wanted = addressBytes(this.#kept[V2_START.length + 1] ?? 0);
    if (this.#length < FIXED_BYTES + wanted) return "more";
    const ipBytes = (wanted - 4) / 2;
    const at = FIXED_BYTES + ipBytes;
    const ports = at + ipBytes;
    const addresses = {
      sourceIp: Uint8Array.from(this.#kept.subarray(FIXED_BYTES, at)),
      destinationIp: Uint8Array.from(this.#kept.subarray(at, ports)),
      sourcePort: this.#kept.readUInt16BE(ports),
      destinationPort: this.#kept.readUInt16BE(ports + 2),
    };
    if (!areEnds(addresses)) return "malformed";
    this.addresses = addresses;
    return this.#nextTlv();
  }

  #nextTlv(): HeaderReading {
    if (this.#left === 0) return "found";
    if (this.#left < TLV_HEAD_BYTES) return "malformed";
    this.#state = "tlv";
    this.#tlvHead = 0;
    this.#tlvLength = 0;
    return "more";
  }

  #takeTlvHead(byte: number): HeaderReading {
    if (this.#tlvHead > 0) this.#tlvLength = (this.#tlvLength << 8) | byte;
    this.#tlvHead++;
    if (this.#tlvHead < TLV_HEAD_BYTES) return "more";
    this.#left -= TLV_HEAD_BYTES;
    return this.#tlvLength > this.#left ? "malformed" : this.#enterValue(this.#tlvLength);
  }

  #enterValue(length: number): HeaderReading {
    this.#value = length;
    this.#state = "value";
    return length === 0 ? this.#skip(0) : "more";
  }

  #skip(bytes: number): HeaderReading {
    this.#value -= bytes;
    this.#left -= bytes;
    return this.#value > 0 ? "more" : this.#nextTlv();
  }
}

function startOf(kept: Buffer): Buffer {
  return kept[0] === V1_START[0] ? V1_START : V2_START;
}

/** What both addresses and ports take; 0 for a family or transport that is not known. */
function addressBytes(familyAndTransport: number): number {
  const transport = familyAndTransport & 0x0f;
  if (transport !== STREAM && transport !== DATAGRAM) return 0;
  switch (familyAndTransport >> 4) {
    case FAMILY_IPV4:
      return 12;
    case FAMILY_IPV6:
      return 36;
    default:
      return 0;
  }
}

/** `TCP4 192.0.2.1 192.0.2.2 5000 80`, to the letter; undefined for anything else. */
function addressesOf(line: string): ProxiedAddresses | undefined {
  const [family, source = "", destination = "", from = "", to = "", ...more] = line.split(" ");
  const ipBytes = family === "TCP4" ? 4 : family === "TCP6" ? 16 : 0;
  const [sourceIp, destinationIp] = [parseIp(source), parseIp(destination)];
  if (sourceIp?.length !== ipBytes || destinationIp?.length !== ipBytes) return undefined;
  if (more.length > 0 || !isPort(from) || !isPort(to)) return undefined;
  const [sourcePort, destinationPort] = [Number(from), Number(to)];
  const addresses = { sourceIp, sourcePort, destinationIp, destinationPort };
  return areEnds(addresses) ? addresses : undefined;
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= PORT_MAX;
}
