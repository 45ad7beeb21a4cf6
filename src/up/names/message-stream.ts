const LENGTH_BYTES = 2;

/** Over TCP each message has its length in two bytes before it (RFC 1035, 4.2.2). */
export function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** Cuts what comes over TCP into messages. */
export class MessageStream {
  readonly #bytesMax: number;
  #pieces: Buffer[] = [];
  #held = 0;

  /** `bytesMax`: of one message. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The messages that are whole now; undefined where one is longer than allowed. */
  take(chunk: Buffer): Buffer[] | undefined {
    this.#pieces.push(chunk);
    this.#held += chunk.length;
    if (this.#held < LENGTH_BYTES) return [];
    let rest = Buffer.concat(this.#pieces);
    const messages: Buffer[] = [];
    while (rest.length >= LENGTH_BYTES) {
      const length = rest.readUInt16BE(0);
      if (length > this.#bytesMax) return undefined;
      if (rest.length < LENGTH_BYTES + length) break;
      messages.push(rest.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
      rest = rest.subarray(LENGTH_BYTES + length);
    }
    this.#pieces = [rest];
    this.#held = rest.length;
    return messages;
  }
}
