/**
 * Where frames and header blocks are written. The owner sends what stands between its last flush
 * and `position`. Writers ask for room first, and take `buffer` anew afterwards: it may be another.
 */
export interface Output {
  buffer: Buffer;
  position: number;
  /** Makes `buffer[position..position + bytes)` writable; what was written before stays. */
  room(bytes: number): void;
  /**
   * Whether a DATA frame may be written now; if not, `pump()` is called when it may. Asked between
   * frames, before `room`: what was written before may be on its way afterwards.
   */
  takesData(): boolean;
}
