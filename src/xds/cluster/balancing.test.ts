import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { balancing } from "../../../test/support/arbitrary-balancing.ts";
import { decodeJson } from "../../../test/support/resource-json.ts";
import { edsCluster } from "../../../test/support/sample-snapshot.ts";
import { ENVOY_BALANCING } from "../../model/balance/balancing.ts";
import { formatProblem } from "../check/place.ts";
import { CODECS, decodeResource } from "../resource.ts";

const TYPES = "type.googleapis.com/envoy.extensions.load_balancing_policies";

function extension(type: string, fields: JsonObject = {}): JsonObject {
  return listed({ "@type": `${TYPES}.${type}`, ...fields });
}

function listed(...typed: JsonObject[]): JsonObject {
  const policies = typed.map((typed_config) => ({
    typed_extension_config: { name: "p", typed_config },
  }));
  return { load_balancing_policy: { policies } };
}

function decode(fields: JsonObject) {
  return decodeJson("cluster", { name: "c", type: "STRICT_DNS", ...fields });
}

const SLOW = { slow_start_config: { slow_start_window: "60s" } };
const SLOW_START = { windowMs: 60_000, aggression: 1, minWeightPercent: 10 };
const LOCALITIES = { locality_lb_config: { locality_weighted_lb_config: {} } };
const HASHING = { hash_balance_factor: 120, use_hostname_for_hashing: true };
const PEAK = "outrigger.dev/load_balancing_policies.peak_ewma";
const TYPED_STRUCT = "type.googleapis.com/xds.type.v3.TypedStruct";

describe.each([
  { name: "nothing", fields: {}, lbPolicy: "roundRobin", options: {} },
  {
    name: "ROUND_ROBIN with a slow start",
    fields: { lb_policy: "ROUND_ROBIN", round_robin_lb_config: SLOW },
    lbPolicy: "roundRobin",
    options: { slowStart: SLOW_START },
  },
  {
    name: "a slow start of no time",
    fields: {
      round_robin_lb_config: { slow_start_config: { slow_start_window: "0s" } },
    },
    lbPolicy: "roundRobin",
    options: {},
  },
  {
    name: "LEAST_REQUEST with a bias",
    fields: {
      lb_policy: "LEAST_REQUEST",
      least_request_lb_config: {
        active_request_bias: { default_value: 2, runtime_key: "k" },
        ...SLOW,
      },
    },
    lbPolicy: "leastRequest",
    options: { activeRequestBias: 2, slowStart: SLOW_START },
  },
  {
    name: "RING_HASH, where only hosts matter",
    fields: { lb_policy: "RING_HASH" },
    lbPolicy: "ringHash",
    options: {},
  },
  {
    name: "RING_HASH with everything",
    fields: {
      lb_policy: "RING_HASH",
      ring_hash_lb_config: {
        minimum_ring_size: 10,
        maximum_ring_size: 20,
        hash_function: "MURMUR_HASH_2",
      },
      common_lb_config: {
        consistent_hashing_lb_config: HASHING,
        locality_weighted_lb_config: {},
      },
    },
    lbPolicy: "ringHash",
    options: {
      ringHash: { minimumRingSize: 10, maximumRingSize: 20, hashFunction: "murmurHash2" },
      hashBalanceFactor: 120,
      useHostnameForHashing: true,
      localityWeighted: true,
    },
  },
  {
    name: "MAGLEV",
    fields: { lb_policy: "MAGLEV", maglev_lb_config: { table_size: 251 } },
    lbPolicy: "maglev",
    options: { maglevTableSize: 251 },
  },
  {
    name: "the statuses that sessions keep to",
    fields: {
      common_lb_config: { override_host_status: { statuses: ["DRAINING", "HEALTHY", "UNKNOWN"] } },
    },
    lbPolicy: "roundRobin",
    options: { sessionStatuses: ["healthy", "draining"] },
  },
  {
    name: "the extension for RANDOM",
    fields: extension("random.v3.Random", LOCALITIES),
    lbPolicy: "random",
    options: { localityWeighted: true },
  },
  {
    name: "the extension for LEAST_REQUEST",
    fields: extension("least_request.v3.LeastRequest", { selection_method: "FULL_SCAN", ...SLOW }),
    lbPolicy: "leastRequest",
    options: { fullScan: true, slowStart: SLOW_START },
  },
  {
    name: "the extension for RING_HASH",
    fields: extension("ring_hash.v3.RingHash", {
      hash_function: "MURMUR_HASH_2",
      consistent_hashing_lb_config: HASHING,
    }),
    lbPolicy: "ringHash",
    options: {
      ringHash: { ...ENVOY_BALANCING.ringHash, hashFunction: "murmurHash2" },
      hashBalanceFactor: 120,
      useHostnameForHashing: true,
    },
  },
  {
    name: "the extension for MAGLEV",
    fields: extension("maglev.v3.Maglev", { table_size: 13, locality_weighted_lb_config: {} }),
    lbPolicy: "maglev",
    options: { maglevTableSize: 13, localityWeighted: true },
  },
  {
    name: "our own policy",
    fields: listed({ "@type": TYPED_STRUCT, type_url: PEAK, value: { decay_ms: 500 } }),
    lbPolicy: "peakEwma",
    options: { peakEwma: { defaultRttMs: 30, decayMs: 500 } },
  },
  {
    name: "our own policy, with failures that weigh",
    fields: listed({ "@type": TYPED_STRUCT, type_url: PEAK, value: { failure_penalty_ms: 5000 } }),
    lbPolicy: "peakEwma",
    options: {
      peakEwma: {
        defaultRttMs: 30,
        decayMs: 10_000,
        failurePenalty: { penaltyMs: 5000, maxRetryAfterMs: 300_000 },
      },
    },
  },
])("balancing by $name", ({ fields, lbPolicy, options }) => {
  it("is read", () => {
    const { model, problems } = decode(fields);
    expect(problems).toEqual([]);
    expect(model).toMatchObject({ lbPolicy, balancing: { ...ENVOY_BALANCING, ...options } });
  });
});

const POLICIES = "load_balancing_policy.policies";

describe.each([
  {
    fields: {
      lb_policy: "RING_HASH",
      ring_hash_lb_config: { minimum_ring_size: 9, maximum_ring_size: 8 },
    },
    problem:
      "ring_hash_lb_config.minimum_ring_size: is above maximum_ring_size " +
      "(found 9; allowed at most 8)",
  },
  {
    fields: { lb_policy: "MAGLEV", maglev_lb_config: { table_size: 65_536 } },
    problem: "maglev_lb_config.table_size: is no prime number (found 65536; allowed a prime)",
  },
  {
    fields: {
      common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 99 } },
    },
    problem:
      "common_lb_config.consistent_hashing_lb_config.hash_balance_factor: is out of range " +
      "(found 99; allowed at least 100)",
  },
  {
    fields: {
      type: "STATIC",
      common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
    },
    problem:
      "common_lb_config.consistent_hashing_lb_config.use_hostname_for_hashing: is for STRICT_DNS " +
      'alone (found "static")',
  },
  {
    fields: { common_lb_config: { zone_aware_lb_config: {} } },
    problem:
      "common_lb_config.zone_aware_lb_config: is not executed by Outrigger: zones are not " +
      "balanced between; locality weights and priorities are",
  },
  {
    fields: { common_lb_config: { override_host_status: { statuses: ["HEALTHY"] } } },
    problem:
      "common_lb_config.override_host_status.statuses: name one without the other " +
      '(found "HEALTHY"; allowed UNKNOWN and HEALTHY, or neither)',
  },
  {
    fields: {
      ...extension("maglev.v3.Maglev"),
      common_lb_config: { locality_weighted_lb_config: {} },
    },
    problem:
      "common_lb_config.locality_weighted_lb_config: is not looked at beside load_balancing_policy",
  },
  {
    fields: extension("ring_hash.v3.RingHash", { hash_balance_factor: 100 }),
    problem:
      `${POLICIES}[0].typed_extension_config.typed_config.hash_balance_factor: is not executed ` +
      "by Outrigger: say it in consistent_hashing_lb_config (found 100)",
  },
  {
    fields: listed({ "@type": TYPED_STRUCT, type_url: PEAK, value: { decay_ms: 0, rtt: 1 } }),
    problem:
      `${POLICIES}[0].typed_extension_config.typed_config.value.rtt: is unknown ` +
      "(allowed default_rtt_ms, decay_ms, failure_penalty_ms, max_retry_after_ms)",
  },
  {
    fields: {
      round_robin_lb_config: {
        slow_start_config: {
          slow_start_window: "1s",
          aggression: { default_value: 0, runtime_key: "k" },
        },
      },
    },
    problem:
      "round_robin_lb_config.slow_start_config.aggression: is out of range " +
      "(found 0; allowed more than 0)",
  },
])("refused: $problem", ({ fields, problem }) => {
  it("names the place, what was found and what is allowed", () => {
    expect(decode(fields).problems[0]).toEqual(problem);
  });
});

it("every way of balancing comes back as it was sent", () => {
  fc.assert(
    fc.property(balancing, (policy) => {
      const sent = edsCluster("c", policy);
      const bytes = CODECS.cluster.encode(sent, "outrigger");
      const { model, problems } = decodeResource("cluster", bytes);
      expect(problems.map(formatProblem)).toEqual([]);
      expect(model).toEqual(sent);
    }),
    { numRuns: 200 },
  );
});

it("a real Envoy gets LEAST_REQUEST for the policy that it does not have", () => {
  const bytes = CODECS.cluster.encode(edsCluster("c", { lbPolicy: "peakEwma" }), "envoy");
  expect(Buffer.from(bytes).includes("outrigger")).toBe(false);
  expect(decodeResource("cluster", bytes).model).toMatchObject({ lbPolicy: "leastRequest" });
});
