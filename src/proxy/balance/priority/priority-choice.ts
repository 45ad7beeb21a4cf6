// hot path: no allocation per request
import type { Random } from "../../../base/random.ts";
import type { Balancer } from "../balancer.ts";
import type { Hash64 } from "../hash/hash64.ts";

/** A priority as requests meet it. */
export interface Choices<T> {
  /** Of a hundred requests those that go to healthy hosts here, and in the priorities before. */
  readonly healthyUpTo: number;
  readonly degradedUpTo: number;
  readonly panic: boolean;
  /** Over everybody, where the priority panics. */
  readonly healthy: Balancer<T> | undefined;
  readonly degraded: Balancer<T> | undefined;
}

/** First a priority, by how much it can take, then one of its hosts. */
export class PriorityChoice<T> {
  readonly #priorities: readonly Choices<T>[];
  readonly #random: Random;
  readonly #byHash: boolean;
  /** The one that takes every request with its healthy hosts; mostly there is one. */
  readonly #only: Choices<T> | undefined;
  /** The last pick was made in a panic. */
  panicked = false;

  /** `byHash`: which priority a request goes to is decided by its hash as well. */
  constructor(priorities: readonly Choices<T>[], random: Random, byHash: boolean) {
    this.#priorities = priorities;
    this.#random = random;
    this.#byHash = byHash;
    const first = priorities.find((one) => one.healthyUpTo > 0);
    this.#only = first?.healthyUpTo === 100 ? first : undefined;
  }

  pick(hash: Hash64, attempt: number): T | undefined {
    const only = this.#only;
    if (only !== undefined) {
      this.panicked = only.panic;
      return only.healthy?.pick(hash, attempt);
    }
    const draw = this.#byHash ? hash.modulo(100) : this.#random.below(100);
    return this.#pickBy(draw, hash, attempt);
  }

  #pickBy(draw: number, hash: Hash64, attempt: number): T | undefined {
    const priorities = this.#priorities;
    for (let i = 0; i < priorities.length; i++) {
      const one = priorities[i] as Choices<T>;
      if (draw >= one.healthyUpTo) continue;
      this.panicked = one.panic;
      return one.healthy?.pick(hash, attempt);
    }
    this.panicked = false;
    for (let i = 0; i < priorities.length; i++) {
      const one = priorities[i] as Choices<T>;
      if (draw >= one.degradedUpTo) continue;
      this.panicked = one.panic;
      return (one.panic ? one.healthy : one.degraded)?.pick(hash, attempt);
    }
    return undefined;
  }
}
