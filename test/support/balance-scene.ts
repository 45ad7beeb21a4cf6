import { VirtualClock } from "../../src/base/clock.ts";
import { type Random, SeededRandom } from "../../src/base/random.ts";
import {
  type BalancingOptions,
  ENVOY_BALANCING,
  type LbPolicy,
} from "../../src/model/balance/balancing.ts";
import type { HealthStatus } from "../../src/model/endpoint.ts";
import { Hash64 } from "../../src/proxy/balance/hash/hash64.ts";
import { PeakEwma } from "../../src/proxy/balance/peak-ewma.ts";
import { type BuiltChoice, buildChoice } from "../../src/proxy/balance/priority/build-choice.ts";
import type { Member, Placed } from "../../src/proxy/balance/priority/host-set.ts";

/** Hosts that are balanced over, without a cluster around them: what of so many picks each gets. */

/** One host of a case; what is not said is ordinary. */
export interface Said {
  readonly weight?: number;
  readonly active?: number;
  readonly health?: HealthStatus;
  readonly priority?: number;
  readonly locality?: string;
  readonly localityWeight?: number;
  readonly healthySinceMs?: number;
  readonly rttMs?: number;
}

export interface TestHost extends Member {
  readonly name: number;
  activeRequests: number;
}

export interface Case {
  readonly policy: Exclude<LbPolicy, "clusterProvided">;
  readonly hosts: readonly Said[];
  readonly options?: Partial<BalancingOptions>;
  readonly choiceCount?: number;
  readonly panicThreshold?: number;
}

export const NOW_MS: number = 100_000;

export class Scene {
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: Random;
  readonly hosts: TestHost[];
  readonly built: BuiltChoice<TestHost>;
  readonly #hash = new Hash64();

  constructor(one: Case, seed = 1) {
    this.random = new SeededRandom(seed);
    this.clock.advance(NOW_MS);
    this.hosts = one.hosts.map((said, name) => hostOf(said, name, NOW_MS));
    const placed: Placed<TestHost>[] = this.hosts.map((host, i) => {
      const said = one.hosts[i] ?? {};
      const locality = { key: said.locality ?? "", weight: said.localityWeight ?? 0 };
      return { host, priority: said.priority ?? 0, locality };
    });
    const settings = {
      policy: one.policy,
      choiceCount: one.choiceCount ?? 2,
      options: { ...ENVOY_BALANCING, ...one.options },
      panicThreshold: one.panicThreshold ?? 50,
      overprovisioningFactor: 140,
    };
    const steps = buildChoice(placed, settings, this);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    this.built = step.value;
  }

  /** By a hash that is drawn. */
  pick(): TestHost | undefined {
    this.#hash.set(this.random.below(2 ** 32), this.random.below(2 ** 32));
    return this.built.choice?.pick(this.#hash, 0);
  }

  counts(picks: number): number[] {
    const counts = this.hosts.map(() => 0);
    for (let i = 0; i < picks; i++) {
      const name = this.pick()?.name;
      if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
}

export function hostOf(said: Said, name: number, nowMs: number): TestHost {
  const { rttMs } = said;
  return {
    name,
    weight: said.weight ?? 1,
    activeRequests: said.active ?? 0,
    health: said.health ?? "healthy",
    healthySinceMs: said.healthySinceMs ?? 0,
    hashKey: `10.0.0.${name}:80`,
    rtt:
      rttMs === undefined
        ? undefined
        : new PeakEwma({ defaultRttMs: rttMs, decayMs: 10_000 }, nowMs),
  };
}

export function many(count: number, said: Said = {}): Said[] {
  return Array.from({ length: count }, () => said);
}

/**
 * True where counts may well have come of these shares: Pearson's chi square is below the value
 * that chance exceeds once in a million, near enough for any number of hosts (Wilson, Hilferty).
 */
export function fits(counts: readonly number[], shares: readonly number[]): boolean {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let square = 0;
  let freedom = -1;
  for (const [i, share] of shares.entries()) {
    const count = counts[i] ?? 0;
    if (share === 0) {
      if (count > 0) return false;
      continue;
    }
    square += (count - total * share) ** 2 / (total * share);
    freedom++;
  }
  if (freedom <= 0) return true;
  const spread = 2 / (9 * freedom);
  return square < freedom * (1 - spread + 4.75 * Math.sqrt(spread)) ** 3;
}

export const PICKS: number = 20_000;
export const DOWN: Said = { health: "unhealthy" };
export const DEGRADED: Said = { health: "degraded" };

/** Two priorities of so many hosts each, some of them healthy. */
export function priorities(healthy: number, total: number, others: number = total): Said[] {
  return [...many(healthy), ...many(total - healthy, DOWN), ...many(others, { priority: 1 })];
}

/** What P0 and P1 get, host by host. */
export function spill(
  p0: number,
  healthy: number,
  total: number,
  others: number = total,
): number[] {
  return [
    ...Array(healthy).fill(p0 / 100 / healthy),
    ...Array(total - healthy).fill(0),
    ...Array(others).fill((100 - p0) / 100 / others),
  ];
}

export const EVENLY: readonly number[] = [0.25, 0.25, 0.25, 0.25];
