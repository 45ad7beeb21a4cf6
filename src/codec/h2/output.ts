/**
 * Where frames and header blocks are written. The owner sends what stands between its last flush
 * and `position`. Writers ask for room first, and take `buffer` anew afterwards: it may be another.
 */
export interface Output {
  buffer: Buffer;
  position: number;
  /** Bytes that were written and that the socket still holds, flushed or not. */
  readonly unsent: number;
  /** So often was something flushed: what was written before that cannot be changed any more. */
  readonly flushes: number;
  /** Makes `buffer[position..position + bytes)` writable; what was written before stays. */
  room(bytes: number): void;
}
