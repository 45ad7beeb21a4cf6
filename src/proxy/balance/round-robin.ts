// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { Balancer } from "./balancer.ts";

/** ROUND_ROBIN: one after the other, from a random start so that proxies do not march in step. */
export class RoundRobin<T> implements Balancer<T> {
  readonly #hosts: readonly T[];
  #next: number;

  constructor(hosts: readonly T[], random: Random) {
    this.#hosts = hosts;
    this.#next = random.below(Math.max(1, hosts.length));
  }

  pick(): T | undefined {
    const host = this.#hosts[this.#next];
    this.#next = this.#next + 1 >= this.#hosts.length ? 0 : this.#next + 1;
    return host;
  }
}
