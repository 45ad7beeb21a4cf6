// hot path: no allocation per request

/** More is not kept for another attempt (Envoy's per_connection_buffer_limit_bytes). */
const REPLAY_BYTES_MAX = 1024 * 1024;
/** A body that waits for its connection is read no further than this. */
const WAITING_BYTES_MAX = 64 * 1024;

/** The part of a request's body that may still have to be sent, or sent again. */
export class RequestBody {
  readonly pieces: Buffer[] = [];
  bytes = 0;
  /** The last byte has arrived. */
  complete = false;

  reset(): void {
    if (this.pieces.length > 0) this.pieces.length = 0;
    this.bytes = 0;
    this.complete = false;
  }

  /** Copies, because what was read may share memory with what is read next. */
  keep(bytes: Buffer, start: number, end: number): void {
    this.pieces.push(Buffer.from(bytes.subarray(start, end)));
    this.bytes += end - start;
  }

  forget(): void {
    this.pieces.length = 0;
    this.bytes = 0;
  }

  get tooLargeToWait(): boolean {
    return this.bytes > WAITING_BYTES_MAX;
  }

  get tooLargeToReplay(): boolean {
    return this.bytes > REPLAY_BYTES_MAX;
  }
}
