// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { Balancer, Candidate } from "./balancer.ts";

/**
 * LEAST_REQUEST with equal weights: of `choices` hosts drawn with replacement the one with the
 * fewest requests in flight, the first drawn on a tie (Envoy: LeastRequestLoadBalancer).
 */
export class LeastRequest<T extends Candidate> implements Balancer<T> {
  readonly #hosts: readonly T[];
  readonly #random: Random;
  readonly #choices: number;

  constructor(hosts: readonly T[], random: Random, choices: number) {
    this.#hosts = hosts;
    this.#random = random;
    this.#choices = Math.max(2, choices);
  }

  pick(): T {
    const hosts = this.#hosts;
    let best = hosts[this.#random.below(hosts.length)] as T;
    for (let draw = 1; draw < this.#choices; draw++) {
      const other = hosts[this.#random.below(hosts.length)] as T;
      if (other.activeRequests < best.activeRequests) best = other;
    }
    return best;
  }
}
