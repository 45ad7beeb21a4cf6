// hot path: no allocation per request
import type { Balancer, Candidate } from "../balancer.ts";
import type { Hash64 } from "./hash64.ts";
import type { HashedHosts } from "./hashed-hosts.ts";
import { MersenneTwister } from "./mersenne-twister.ts";

/**
 * Bounds how many requests a host has in flight, in percent of what its share of all would be
 * (Envoy: BoundedLoadHashingLoadBalancer; Mirrokni et al., consistent hashing with bounded loads).
 * Where the hash's host is full, the others are asked in an order that the hash decides.
 */
export class BoundedLoad<T extends Candidate> implements Balancer<T> {
  readonly #inner: Balancer<T>;
  readonly #hosts: readonly T[];
  readonly #shares: Float64Array;
  readonly #shareOf: ReadonlyMap<T, number>;
  readonly #factor: number;
  readonly #order: Uint32Array;
  readonly #random = new MersenneTwister();

  constructor(inner: Balancer<T>, { hosts, shares }: HashedHosts<T>, factor: number) {
    this.#inner = inner;
    this.#hosts = hosts;
    this.#shares = shares;
    this.#shareOf = new Map(hosts.map((host, i) => [host, shares[i] as number]));
    this.#factor = factor;
    this.#order = new Uint32Array(hosts.length);
  }

  pick(hash: Hash64, attempt: number): T | undefined {
    const host = this.#inner.pick(hash, attempt);
    if (host === undefined) return undefined;
    const slots = this.#slotsOfAll();
    const fullness = fullnessOf(host, slots, this.#shareOf.get(host) as number);
    return fullness <= 1 ? host : this.#another(host, fullness, slots, hash);
  }

  #slotsOfAll(): number {
    let active = 0;
    for (let i = 0; i < this.#hosts.length; i++) active += (this.#hosts[i] as T).activeRequests;
    return Math.floor(((active + 1) * this.#factor + 99) / 100);
  }

  /** The first with room, or the least overloaded. */
  #another(full: T, fullness: number, slots: number, hash: Hash64): T {
    const order = this.#order;
    const { length } = order;
    for (let i = 0; i < length; i++) order[i] = i;
    this.#random.seed(hash.lo);
    let least = full;
    let leastFullness = fullness;
    for (let i = 0; i < length; i++) {
      const drawn = i + this.#random.below(length - i);
      const index = order[drawn] as number;
      order[drawn] = order[i] as number;
      order[i] = index;
      const other = this.#hosts[index] as T;
      if (other === full) continue;
      const otherFullness = fullnessOf(other, slots, this.#shares[index] as number);
      if (otherFullness <= 1) return other;
      if (otherFullness >= leastFullness) continue;
      least = other;
      leastFullness = otherFullness;
    }
    return least;
  }
}

/** Requests in flight over those that it may have; more than 1 where there is no room. */
function fullnessOf(host: Candidate, slotsOfAll: number, share: number): number {
  return host.activeRequests / Math.max(1, Math.ceil(slotsOfAll * share));
}
