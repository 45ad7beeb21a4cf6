// hot path: no allocation per request

const SIZE = 624;
const SHIFT = 397;

/** MT19937 (Matsumoto, Nishimura 1998), whose numbers a seed decides on every machine. */
export class MersenneTwister {
  readonly #state = new Int32Array(SIZE);
  #at = SIZE;

  seed(seed: number): void {
    const state = this.#state;
    state[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const before = state[i - 1] as number;
      state[i] = Math.imul(1_812_433_253, before ^ (before >>> 30)) + i;
    }
    this.#at = SIZE;
  }

  /** 32 random bits, unsigned. */
  next(): number {
    if (this.#at === SIZE) this.#twist();
    let bits = this.#state[this.#at++] as number;
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c_5680;
    bits ^= (bits << 15) & 0xefc6_0000;
    return (bits ^ (bits >>> 18)) >>> 0;
  }

  /** A number in [0, bound), as Envoy draws one. */
  below(bound: number): number {
    const each = Math.floor(0x1_0000_0000 / bound);
    let drawn = bound;
    while (drawn >= bound) drawn = Math.floor(this.next() / each);
    return drawn;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < SIZE; i++) {
      const next = state[(i + 1) % SIZE] as number;
      const joined = ((state[i] as number) & 0x8000_0000) | (next & 0x7fff_ffff);
      const mixed = (joined >>> 1) ^ ((joined & 1) === 1 ? 0x9908_b0df : 0);
      state[i] = (state[(i + SHIFT) % SIZE] as number) ^ mixed;
    }
    this.#at = 0;
  }
}
