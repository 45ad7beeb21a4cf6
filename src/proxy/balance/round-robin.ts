// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { Balancer, Candidate } from "./balancer.ts";

/** ROUND_ROBIN: one after the other, from a random start so that proxies do not march in step. */
export class RoundRobin<T extends Candidate> implements Balancer<T> {
  readonly #hosts: readonly T[];
  #next: number;

  constructor(hosts: readonly T[], random: Random) {
    this.#hosts = hosts;
    this.#next = random.below(hosts.length);
  }

  pick(): T {
    const host = this.#hosts[this.#next] as T;
    this.#next = this.#next + 1 === this.#hosts.length ? 0 : this.#next + 1;
    return host;
  }
}
