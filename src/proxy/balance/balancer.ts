import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { BalancingOptions, LbPolicy } from "../../model/balance/balancing.ts";
import { BoundedLoad } from "./hash/bounded-load.ts";
import type { Hash64 } from "./hash/hash64.ts";
import type { HashedHosts } from "./hash/hashed-hosts.ts";
import { buildMaglev } from "./hash/maglev.ts";
import { buildRing } from "./hash/ring-hash.ts";
import { FullScan, LeastRequest } from "./least-request.ts";
import type { PeakEwma } from "./peak-ewma.ts";
import { PeakEwmaChoice } from "./peak-ewma-choice.ts";
import { RandomChoice } from "./random-choice.ts";
import { RoundRobin } from "./round-robin.ts";
import { buildSchedule } from "./weighted-choice.ts";
import { Weights } from "./weights.ts";

/** What balancing knows of a host. */
export interface Candidate {
  readonly weight: number;
  /** Requests in flight to it. */
  readonly activeRequests: number;
  /** Since when it is healthy, by the clock; below 0: not yet. For slow starts. */
  readonly healthySinceMs: number;
  /** What hashing knows it by (Envoy: `hashKey`). */
  readonly hashKey: string;
  /** PEAK_EWMA's measure of it. */
  readonly rtt: PeakEwma | undefined;
}

/** Chooses one of the hosts that it was made for. Made anew when the hosts change. */
export interface Balancer<T> {
  /**
   * `hash`: of the request, or drawn; only hashing looks at it. `attempt`: how many hosts were
   * chosen for this try of the request already, and turned down. Undefined: there is nobody.
   */
  pick(hash: Hash64, attempt: number): T | undefined;
}

/** A balancing policy as data. */
export interface BalancePolicy {
  readonly policy: Exclude<LbPolicy, "clusterProvided">;
  /** LEAST_REQUEST: how many draws. */
  readonly choiceCount: number;
  readonly options: BalancingOptions;
}

export interface BalanceContext {
  readonly clock: Clock;
  readonly random: Random;
}

/** Those that choose by a hash of the request. */
export function isHashing(policy: LbPolicy): policy is "ringHash" | "maglev" {
  return policy === "ringHash" || policy === "maglev";
}

/**
 * Envoy's choice: with equal weights the policy itself, with unequal ones a weighted schedule, made
 * a piece at a time.
 */
export function* buildBalancer<T extends Candidate>(
  { policy, choiceCount, options }: BalancePolicy,
  hosts: readonly T[],
  { clock, random }: BalanceContext,
): Generator<void, Balancer<T>> {
  if (policy === "random") return new RandomChoice(hosts, random);
  if (policy === "peakEwma") return new PeakEwmaChoice(hosts, random, clock);
  const byLoad = policy === "leastRequest";
  const bias = byLoad ? options.activeRequestBias : 0;
  const weights = new Weights<T>(bias, options.slowStart, clock);
  if (hosts.length > 1 && (!weighAlike(hosts) || weights.startingSlowly(hosts))) {
    return yield* buildSchedule(hosts, random, weights);
  }
  if (!byLoad) return new RoundRobin(hosts, random);
  if (options.fullScan) return new FullScan(hosts, random);
  return new LeastRequest(hosts, random, choiceCount);
}

function weighAlike(hosts: readonly Candidate[]): boolean {
  const first = hosts[0]?.weight;
  return hosts.every((host) => host.weight === first);
}

/** RING_HASH or MAGLEV over these, a piece at a time. */
export function* buildHashing<T extends Candidate>(
  { policy, options }: BalancePolicy,
  hosts: HashedHosts<T>,
  onSize: (sizes: TableSizes) => void,
): Generator<void, Balancer<T>> {
  const balancer: Balancer<T> =
    policy === "maglev"
      ? yield* buildMaglev(hosts, options.maglevTableSize, onSize)
      : yield* buildRing(hosts, options.ringHash, onSize);
  const factor = options.hashBalanceFactor;
  return factor === 0 ? balancer : new BoundedLoad(balancer, hosts, factor);
}

/** What Envoy shows of a ring or a table. */
export interface TableSizes {
  readonly size: number;
  /** Of the least and of the best represented host. */
  readonly minPerHost: number;
  readonly maxPerHost: number;
}
