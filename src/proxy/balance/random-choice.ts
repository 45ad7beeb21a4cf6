// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { Balancer, Candidate } from "./balancer.ts";

/** RANDOM: any host, weights ignored (as in Envoy). */
export class RandomChoice<T extends Candidate> implements Balancer<T> {
  readonly #hosts: readonly T[];
  readonly #random: Random;

  constructor(hosts: readonly T[], random: Random) {
    this.#hosts = hosts;
    this.#random = random;
  }

  pick(): T {
    return this.#hosts[this.#random.below(this.#hosts.length)] as T;
  }
}
