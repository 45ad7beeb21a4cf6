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

  pick(): T | undefined {
    const hosts = this.#hosts;
    if (hosts.length < 2) return hosts[0];
    let best = hosts[this.#random.below(hosts.length)] as T;
    for (let draw = 1; draw < this.#choices; draw++) {
      const other = hosts[this.#random.below(hosts.length)] as T;
      if (other.activeRequests < best.activeRequests) best = other;
    }
    return best;
  }
}

/** FULL_SCAN: of all hosts one of those with the fewest requests in flight. */
export class FullScan<T extends Candidate> implements Balancer<T> {
  readonly #hosts: readonly T[];
  readonly #random: Random;

  constructor(hosts: readonly T[], random: Random) {
    this.#hosts = hosts;
    this.#random = random;
  }

  pick(): T | undefined {
    const hosts = this.#hosts;
    let best = hosts[0];
    if (best === undefined) return undefined;
    let tied = 1;
    for (let i = 1; i < hosts.length; i++) {
      const other = hosts[i] as T;
      if (other.activeRequests > best.activeRequests) continue;
      tied = other.activeRequests === best.activeRequests ? tied + 1 : 1;
      // The n-th of those that tie takes over with a chance of 1/n: each has the same in the end.
      if (tied === 1 || this.#random.below(tied) === 0) best = other;
    }
    return best;
  }
}
