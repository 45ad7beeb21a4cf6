// hot path: no allocation per request

/** A message's prefix: one byte of flags, four of length (doc/PROTOCOL-HTTP2.md). */
export const FRAME_PREFIX_BYTES = 5;

/** Flag of gRPC-Web's frame of trailers (doc/PROTOCOL-WEB.md). */
export const TRAILERS_FLAG = 0x80;

const COMPRESSED_FLAG = 0x01;

/** Takes the messages out of a body. The bytes lie in the caller's buffer: copy what you keep. */
export interface FrameOwner {
  /** A message begins: its flags, and how many bytes it has. */
  onFrame(flags: number, length: number): void;
  /** The next bytes of that message. */
  onFrameData(bytes: Buffer, start: number, end: number): void;
}

/**
 * Finds the length-prefixed messages in a body, however the bytes were cut.
 *
 * ```
 *   prefix --5th byte, length > 0--> payload --last byte--> prefix
 *     |                                                        ^
 *     +------- length 0: the message is complete at once ------+
 * ```
 */
export class FrameReader {
  readonly #owner: FrameOwner;
  #prefixBytes = 0;
  #flags = 0;
  #length = 0;
  #left = 0;

  constructor(owner: FrameOwner) {
    this.#owner = owner;
  }

  reset(): void {
    this.#prefixBytes = 0;
    this.#left = 0;
  }

  /** True between two messages: the body may end here. */
  get complete(): boolean {
    return this.#prefixBytes === 0 && this.#left === 0;
  }

  /** False where the flags are none that gRPC knows; nothing may be read after that. */
  read(bytes: Buffer, start: number, end: number): boolean {
    let at = start;
    while (at < end) {
      if (this.#left > 0) {
        const to = Math.min(end, at + this.#left);
        this.#left -= to - at;
        this.#owner.onFrameData(bytes, at, to);
        at = to;
      } else if (!this.#takePrefix(bytes[at++] as number)) {
        return false;
      }
    }
    return true;
  }

  #takePrefix(byte: number): boolean {
    if (this.#prefixBytes === 0) {
      if ((byte & ~(COMPRESSED_FLAG | TRAILERS_FLAG)) !== 0) return false;
      this.#flags = byte;
      this.#length = 0;
    } else {
      this.#length = this.#length * 256 + byte;
    }
    if (++this.#prefixBytes < FRAME_PREFIX_BYTES) return true;
    this.#prefixBytes = 0;
    this.#left = this.#length;
    this.#owner.onFrame(this.#flags, this.#length);
    return true;
  }
}

/** A message with its prefix, ready to be sent. */
export function frameOf(message: Uint8Array, flags = 0): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + message.length);
  frame[0] = flags;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_PREFIX_BYTES);
  return frame;
}
