// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { Balancer } from "./balancer.ts";

/** RANDOM: any host, weights ignored (as in Envoy). */
export class RandomChoice<T> implements Balancer<T> {
  readonly #hosts: readonly T[];
  readonly #random: Random;

  constructor(hosts: readonly T[], random: Random) {
    this.#hosts = hosts;
    this.#random = random;
  }

  pick(): T | undefined {
    const hosts = this.#hosts;
    return hosts.length < 2 ? hosts[0] : hosts[this.#random.below(hosts.length)];
  }
}
