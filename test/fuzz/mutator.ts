import type { Random } from "../../src/base/random.ts";
import type { FuzzTarget } from "./target/target.ts";

/** Inputs grow no longer than this. */
const BYTES_MAX = 8192;
/** Of inputs that showed something new. */
const POOL_MAX = 4000;
const CHANGES_MAX = 4;

type Change = (input: Buffer, random: Random, mutator: Mutator) => Buffer;

/** Makes new inputs of old ones. */
export class Mutator {
  readonly #target: FuzzTarget;
  readonly #random: Random;
  readonly #pool: Buffer[];
  readonly #kinds = new Set<string>();

  constructor(target: FuzzTarget, corpus: readonly Buffer[], random: Random) {
    this.#target = target;
    this.#random = random;
    this.#pool = [...target.seeds, ...corpus];
  }

  next(): Buffer {
    let input = this.any();
    for (let left = 1 + this.#random.below(CHANGES_MAX); left > 0; left--) {
      const change = CHANGES[this.#random.below(CHANGES.length)] as Change;
      input = change(input, this.#random, this);
    }
    return input.subarray(0, BYTES_MAX);
  }

  /** What came of an input: another kind makes it one to go on from. */
  note(input: Buffer, kind: string): void {
    if (this.#kinds.has(kind) || this.#pool.length >= POOL_MAX) return;
    this.#kinds.add(kind);
    this.#pool.push(Buffer.from(input));
  }

  get kinds(): number {
    return this.#kinds.size;
  }

  any(): Buffer {
    return this.#pool[this.#random.below(this.#pool.length)] ?? Buffer.alloc(0);
  }

  token(): Buffer {
    const { tokens } = this.#target;
    return tokens[this.#random.below(tokens.length)] ?? Buffer.from([this.#random.below(256)]);
  }

  reshaped(input: Buffer): Buffer {
    return this.#target.reshape?.(input, this.#random) ?? input;
  }
}

/** Two places in an input, in their order. */
function range(input: Buffer, random: Random): readonly [number, number] {
  const from = random.below(input.length + 1);
  const most = random.below(3) === 0 ? input.length : 12;
  return [from, Math.min(input.length, from + random.below(most + 1))];
}

function replaced(input: Buffer, from: number, to: number, by: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, from), by, input.subarray(to)]);
}

const CHANGES: readonly Change[] = [
  function insertToken(input, random, mutator) {
    const at = random.below(input.length + 1);
    return replaced(input, at, at, mutator.token());
  },
  function replaceByToken(input, random, mutator) {
    const [from, to] = range(input, random);
    return replaced(input, from, to, mutator.token());
  },
  function replaceByte(input, random) {
    const at = random.below(input.length + 1);
    return replaced(input, at, Math.min(at + 1, input.length), Buffer.from([random.below(256)]));
  },
  function flipBit(input, random) {
    const changed = Buffer.from(input);
    const at = random.below(Math.max(1, input.length));
    if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    return changed;
  },
  function remove(input, random) {
    const [from, to] = range(input, random);
    return replaced(input, from, to, Buffer.alloc(0));
  },
  function repeat(input, random) {
    const [from, to] = range(input, random);
    const part = input.subarray(from, to);
    const times = random.below(8) === 0 ? random.below(200) : 1;
    return replaced(input, to, to, Buffer.concat(Array.from({ length: times }, () => part)));
  },
  function splice(input, random, mutator) {
    const other = mutator.any();
    const [from, to] = range(other, random);
    const at = random.below(input.length + 1);
    return replaced(input, at, at, other.subarray(from, to));
  },
  function follow(input, _, mutator) {
    return Buffer.concat([input, mutator.any()]);
  },
  function truncate(input, random) {
    return input.subarray(0, random.below(input.length + 1));
  },
  function reshape(input, _, mutator) {
    return mutator.reshaped(input);
  },
];
