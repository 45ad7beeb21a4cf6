// hot path: no allocation per request
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Balancer, Candidate } from "./balancer.ts";

/**
 * PEAK_EWMA: of two different hosts, drawn, the one with the lower load, the first on a tie
 * (Linkerd: power of two choices). A host of twice the weight bears twice the load.
 */
export class PeakEwmaChoice<T extends Candidate> implements Balancer<T> {
  readonly #hosts: readonly T[];
  readonly #random: Random;
  readonly #clock: Clock;

  constructor(hosts: readonly T[], random: Random, clock: Clock) {
    this.#hosts = hosts;
    this.#random = random;
    this.#clock = clock;
  }

  pick(): T | undefined {
    const hosts = this.#hosts;
    if (hosts.length < 2) return hosts[0];
    const first = this.#random.below(hosts.length);
    let second = this.#random.below(hosts.length - 1);
    if (second >= first) second++;
    const nowMs = this.#clock.now();
    const one = hosts[first] as T;
    const other = hosts[second] as T;
    return loadOf(other, nowMs) < loadOf(one, nowMs) ? other : one;
  }
}

function loadOf(host: Candidate, nowMs: number): number {
  const { rtt, activeRequests, weight } = host;
  return (rtt === undefined ? activeRequests + 1 : rtt.load(activeRequests, nowMs)) / weight;
}
