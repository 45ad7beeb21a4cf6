import type { Output } from "../../src/codec/h2/output.ts";

/** An output in memory: what is flushed is taken out. Small at first, so that it has to grow. */
export class MemoryOutput implements Output {
  buffer: Buffer = Buffer.alloc(16);
  position = 0;
  flushes = 0;
  /** Stands for what a socket has not taken yet. */
  held = 0;

  get unsent(): number {
    return this.held + this.position;
  }

  room(bytes: number): void {
    const needed = this.position + bytes;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.alloc(needed * 2);
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }

  /** What was written since the last time. */
  flush(): Buffer {
    const bytes = Buffer.from(this.buffer.subarray(0, this.position));
    this.position = 0;
    this.flushes++;
    return bytes;
  }
}
