// hot path: no allocation per request
/**
 * Where sockets read into. Most reads are heads and small bodies: they all go into one buffer of
 * the thread, as a read is handed on before the next one begins, so nothing is allocated for them.
 * Whoever keeps bytes copies them.
 *
 * A socket whose reads fill that buffer is in the middle of something large. It then reads into
 * larger buffers that it has for itself, and what it read can be lent to a socket to be written,
 * without a copy; the next read goes into another one.
 */
const SHARED_BYTES = 64 * 1024;
const LARGE_BYTES = 256 * 1024;
/** A socket goes back to the shared buffer with a read that is shorter than this. */
const LARGE_READ_MIN = 16 * 1024;
/** Lending less than this would keep much memory for few bytes: those are copied. */
const LENT_MIN = 32 * 1024;
const SPARES_MAX = 32;

const shared: Buffer = Buffer.allocUnsafeSlow(SHARED_BYTES);

/** Reads up to this length, heads above all, are seen through a view made once. */
const VIEWED_MAX = 2048;
const views: Buffer[] = new Array<Buffer>(VIEWED_MAX + 1).fill(shared);

const spares: LargeBuffer[] = [];

/** Whose bytes are being handed on. */
let current: LargeBuffer | undefined;

/** A buffer for one socket's large reads; used again when nobody writes from it any more. */
export class LargeBuffer {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(LARGE_BYTES);
  /** Says that a loan is over. */
  readonly release: () => void;
  #loans = 0;
  #left = false;

  constructor() {
    this.release = this.#release.bind(this);
  }

  get lent(): boolean {
    return this.#loans > 0;
  }

  lend(): void {
    this.#loans++;
  }

  /** Its socket reads into it no more. */
  leave(): void {
    this.#left = true;
    this.#reuse();
  }

  take(): this {
    this.#left = false;
    return this;
  }

  #release(): void {
    this.#loans--;
    this.#reuse();
  }

  #reuse(): void {
    if (this.#left && this.#loans === 0 && spares.length < SPARES_MAX) spares.push(this);
  }
}

/** What a socket reads into: the shared buffer, or large ones of its own. */
export class ReadBuffer {
  readonly #onBytes: (bytes: Buffer) => void;
  #large: LargeBuffer | undefined;
  #next: Buffer = shared;

  constructor(onBytes: (bytes: Buffer) => void) {
    this.#onBytes = onBytes;
  }

  /** The buffer for the next read (`onread.buffer` of a socket). */
  next(): Buffer {
    return this.#next;
  }

  /** So many bytes have been read (`onread.callback`). */
  read(length: number): void {
    const large = this.#large;
    if (large !== undefined) {
      this.#readLarge(large, length);
      return;
    }
    this.#onBytes(firstBytes(length));
    if (length === SHARED_BYTES) this.#use((spares.pop() ?? new LargeBuffer()).take());
  }

  #readLarge(large: LargeBuffer, length: number): void {
    current = large;
    try {
      this.#onBytes(large.bytes.subarray(0, length));
    } finally {
      current = undefined;
    }
    if (this.#large !== large) return;
    if (length < LARGE_READ_MIN) {
      large.leave();
      this.#large = undefined;
      this.#next = shared;
    } else if (large.lent) {
      large.leave();
      this.#use((spares.pop() ?? new LargeBuffer()).take());
    }
  }

  #use(large: LargeBuffer): void {
    this.#large = large;
    this.#next = large.bytes;
  }
}

/**
 * The buffer that these bytes were read into, where they can be lent: `release` of it has to be
 * called once they are no longer needed. Undefined where they must be copied.
 */
export function borrow(bytes: Buffer, length: number): LargeBuffer | undefined {
  if (current === undefined || length < LENT_MIN) return undefined;
  if (bytes.buffer !== current.bytes.buffer) return undefined;
  current.lend();
  return current;
}

/** The shared buffer's first bytes. */
function firstBytes(length: number): Buffer {
  const known = views[length];
  if (known?.length === length) return known;
  const view = shared.subarray(0, length);
  if (length <= VIEWED_MAX) views[length] = view;
  return view;
}
