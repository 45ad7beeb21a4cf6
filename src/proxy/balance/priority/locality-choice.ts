// hot path: no allocation per request
import type { Random } from "../../../base/random.ts";
import type { Balancer } from "../balancer.ts";
import type { Hash64 } from "../hash/hash64.ts";
import { type Weighing, WeightedChoice } from "../weighted-choice.ts";

/** A locality as it takes part: by weight, and as far as its hosts are available. */
export interface WeightedLocality<T> {
  readonly weight: number;
  readonly balancer: Balancer<T>;
}

/** First a locality by weight, then one of its hosts (Envoy: LocalityWrr). */
export class LocalityChoice<T> implements Balancer<T> {
  readonly #schedule: WeightedChoice<WeightedLocality<T>>;

  /** `localities`: at least one, all of a weight above 0. */
  constructor(localities: readonly WeightedLocality<T>[], random: Random) {
    this.#schedule = new WeightedChoice(localities.length, new FixedWeights<T>());
    for (const locality of localities) this.#schedule.add(locality);
    this.#schedule.start(random);
  }

  pick(hash: Hash64, attempt: number): T | undefined {
    return this.#schedule.pick().balancer.pick(hash, attempt);
  }
}

class FixedWeights<T> implements Weighing<WeightedLocality<T>> {
  of(one: WeightedLocality<T>): number {
    return one.weight;
  }
}
