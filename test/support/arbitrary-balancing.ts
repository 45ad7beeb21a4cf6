import fc from "fast-check";
import {
  type BalancingOptions,
  ENVOY_BALANCING,
  PENALTY_BOUNDS,
} from "../../src/model/balance/balancing.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import { optional } from "./arbitrary-words.ts";

/** Any legal way of balancing, for round trips: what a policy does not read is the default. */

type Balancing = Pick<Cluster, "lbPolicy" | "choiceCount" | "balancing">;

const RING_MAX = ENVOY_BALANCING.ringHash.maximumRingSize;
const percent = fc.nat(100);

const slowStart = optional(
  fc.record({
    windowMs: fc.integer({ min: 1, max: 100_000 }),
    aggression: fc.constantFrom(0.5, 1, 2.5),
    minWeightPercent: percent,
  }),
);

const hashing = {
  hashBalanceFactor: fc.constantFrom(0, 100, 150),
  // For STRICT_DNS alone.
  useHostnameForHashing: fc.constant(false),
  localityWeighted: fc.boolean(),
};

const ringHash = fc
  .record({
    minimumRingSize: fc.integer({ min: 1, max: RING_MAX }),
    maximumRingSize: fc.integer({ min: 1, max: RING_MAX }),
    hashFunction: fc.constantFrom("xxHash" as const, "murmurHash2" as const),
  })
  .map(({ minimumRingSize: a, maximumRingSize: b, hashFunction }) => ({
    minimumRingSize: Math.min(a, b),
    maximumRingSize: Math.max(a, b),
    hashFunction,
  }));

const sessionStatuses = fc.subarray(["healthy", "unhealthy", "degraded", "draining"] as const);

function policy(
  lbPolicy: Cluster["lbPolicy"],
  options: fc.Arbitrary<Partial<BalancingOptions>>,
  choiceCount: fc.Arbitrary<number> = fc.constant(2),
): fc.Arbitrary<Balancing> {
  return fc
    .record({ options, choices: choiceCount, sessionStatuses })
    .map(({ options: said, choices, sessionStatuses: statuses }) => ({
      lbPolicy,
      choiceCount: choices,
      balancing: { ...ENVOY_BALANCING, ...said, sessionStatuses: statuses },
    }));
}

const localityWeighted = fc.boolean();

/** For every discovery but ORIGINAL_DST. */
export const balancing: fc.Arbitrary<Balancing> = fc.oneof(
  policy("random", fc.record({ localityWeighted })),
  policy("roundRobin", fc.record({ localityWeighted, slowStart })),
  policy(
    "leastRequest",
    fc.record({
      localityWeighted,
      slowStart,
      fullScan: fc.boolean(),
      activeRequestBias: fc.constantFrom(0, 1, 1.5),
    }),
    fc.integer({ min: 2, max: 9 }),
  ),
  policy("ringHash", fc.record({ ...hashing, ringHash })),
  policy(
    "maglev",
    fc.record({ ...hashing, maglevTableSize: fc.constantFrom(2, 251, 65_537, 5_000_011) }),
  ),
  policy(
    "peakEwma",
    fc.record({
      peakEwma: fc.record({
        defaultRttMs: fc.integer({ min: 1, max: 1000 }),
        decayMs: fc.integer({ min: 1, max: 100_000 }),
        failurePenalty: optional(
          fc.record({
            penaltyMs: fc.integer(PENALTY_BOUNDS),
            maxRetryAfterMs: fc.integer(PENALTY_BOUNDS),
          }),
        ),
      }),
    }),
  ),
);

export const providedBalancing: fc.Arbitrary<Balancing> = policy(
  "clusterProvided",
  fc.constant({}),
);
