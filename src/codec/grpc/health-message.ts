/** `grpc.health.v1.HealthCheckResponse.ServingStatus` (grpc: doc/health-checking.md). */
const SERVING = 1;

/** Field 1 as a string, field 1 as a number. */
const SERVICE_TAG = 0x0a;
const STATUS_TAG = 0x08;

const VARINT_BYTES_MAX = 10;

/** A `HealthCheckRequest`. `service` empty: the server as a whole. */
export function encodeHealthRequest(service: string): Buffer {
  if (service === "") return Buffer.alloc(0);
  const name = Buffer.from(service);
  return Buffer.concat([Buffer.from([SERVICE_TAG]), varint(name.length), name]);
}

/** Whether a `HealthCheckResponse` says SERVING; undefined where it is no such message. */
export function decodeServing(message: Buffer): boolean | undefined {
  const reader = new FieldReader(message);
  let status = 0;
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === STATUS_TAG) status = reader.varint();
    else reader.skip(tag & 0x07);
  }
  return reader.failed ? undefined : status === SERVING;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Reads protobuf's wire format; a message that breaks off fails, and is then done. */
class FieldReader {
  failed = false;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.failed || this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let i = 0; i < VARINT_BYTES_MAX && this.#at < this.#bytes.length; i++) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    this.failed = true;
    return 0;
  }

  /** Passes over the value of a field that is not known. */
  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.#pass(8);
    else if (wireType === 2) this.#pass(this.varint());
    else if (wireType === 5) this.#pass(4);
    else this.failed = true;
  }

  #pass(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#bytes.length) this.failed = true;
  }
}
