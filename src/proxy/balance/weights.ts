// hot path: no allocation per request
import type { Clock } from "../../base/clock.ts";
import type { SlowStart } from "../../model/balance/balancing.ts";
import type { Candidate } from "./balancer.ts";

/** What a host weighs right now: for weighted schedules. */
export class Weights<T extends Candidate> {
  /** LEAST_REQUEST: by how much requests in flight count; 0: not at all. */
  readonly #bias: number;
  readonly #slowStart: SlowStart | undefined;
  readonly #clock: Clock;

  constructor(bias: number, slowStart: SlowStart | undefined, clock: Clock) {
    this.#bias = bias;
    this.#slowStart = slowStart;
    this.#clock = clock;
  }

  /** Envoy: LeastRequestLoadBalancer::hostWeight, RoundRobinLoadBalancer::hostWeight. */
  of(host: T): number {
    const weight = this.#bias === 0 ? host.weight : host.weight / this.#load(host);
    return this.#slowStart === undefined ? weight : weight * this.#share(host, this.#slowStart);
  }

  /** Some host is still in its slow start. */
  startingSlowly(hosts: readonly T[]): boolean {
    if (this.#slowStart === undefined) return false;
    const { windowMs } = this.#slowStart;
    const nowMs = this.#clock.now();
    for (let i = 0; i < hosts.length; i++) {
      const sinceMs = (hosts[i] as T).healthySinceMs;
      if (sinceMs >= 0 && nowMs - sinceMs <= windowMs) return true;
    }
    return false;
  }

  #load(host: T): number {
    const requests = host.activeRequests + 1;
    return this.#bias === 1 ? requests : requests ** this.#bias;
  }

  /** Envoy: EdfLoadBalancerBase::applySlowStartFactor. Whole milliseconds, the first counts one. */
  #share(host: T, { windowMs, aggression, minWeightPercent }: SlowStart): number {
    if (host.healthySinceMs < 0) return 1;
    const elapsedMs = Math.floor(this.#clock.now() - host.healthySinceMs);
    if (elapsedMs >= windowMs) return 1;
    const time = Math.max(1, elapsedMs) / windowMs;
    const share = aggression === 1 ? time : time ** (1 / aggression);
    return Math.max(share, minWeightPercent / 100);
  }
}
