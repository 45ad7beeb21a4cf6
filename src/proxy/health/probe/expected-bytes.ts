/**
 * Whether these parts stand in what comes, one behind the other, with anything between them
 * (Envoy: PayloadMatcher). Remembers no more than a part may begin with.
 */
export class ExpectedBytes {
  readonly #parts: readonly Buffer[];
  #found = 0;
  #tail: Buffer = Buffer.alloc(0);

  /** `parts`: hex. */
  constructor(parts: readonly string[]) {
    this.#parts = parts.map((hex) => Buffer.from(hex, "hex"));
  }

  get complete(): boolean {
    return this.#found === this.#parts.length;
  }

  read(bytes: Buffer): void {
    let rest = Buffer.concat([this.#tail, bytes]);
    let part = this.#parts[this.#found];
    while (part !== undefined) {
      const at = rest.indexOf(part);
      if (at < 0) break;
      rest = rest.subarray(at + part.length);
      part = this.#parts[++this.#found];
    }
    const kept = part === undefined ? 0 : Math.min(rest.length, part.length - 1);
    this.#tail = Buffer.from(rest.subarray(rest.length - kept));
  }
}
