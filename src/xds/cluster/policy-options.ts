import type { Duration } from "@bufbuild/protobuf/wkt";
import type {
  Cluster as ClusterMessage,
  Cluster_SlowStartConfig as OlderSlowStart,
} from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import type { RuntimeDouble } from "../../gen/envoy/config/core/v3/base_pb.js";
import type {
  ConsistentHashingLbConfig,
  LocalityLbConfig,
  SlowStartConfig,
} from "../../gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.js";
import {
  type BalancingOptions,
  ENVOY_BALANCING,
  type RingHashOptions,
  type SlowStart,
} from "../../model/balance/balancing.ts";
import type { Place } from "../check/place.ts";
import { durationMs, toDuration } from "../message/scalar.ts";

/** What several policies' messages have in common, in the older form and in the newer one. */

export function decodeSlowStart(
  message: SlowStartConfig | OlderSlowStart | undefined,
  place: Place,
): SlowStart | undefined {
  const windowMs = durationMs(message?.slowStartWindow);
  const aggression = message?.aggression?.defaultValue ?? 1;
  const minWeightPercent = message?.minWeightPercent?.value ?? 10;
  if (aggression <= 0) {
    place.field("aggression").refuse("is out of range", aggression, "more than 0");
  }
  // A window of nothing is Envoy's way of having none.
  return windowMs > 0 ? { windowMs, aggression, minWeightPercent } : undefined;
}

/** Without a runtime to ask, its key only has to be there. */
interface RuntimeDoubleInit {
  readonly defaultValue: number;
  readonly runtimeKey: string;
}

interface SlowStartInit {
  readonly slowStartWindow: Duration;
  readonly aggression: RuntimeDoubleInit;
  readonly minWeightPercent: { readonly value: number };
}

/** The field for either form, or none. */
export function encodeSlowStart(slowStart: SlowStart | undefined): {
  slowStartConfig?: SlowStartInit;
} {
  if (slowStart === undefined) return {};
  const { windowMs, aggression, minWeightPercent } = slowStart;
  return {
    slowStartConfig: {
      slowStartWindow: toDuration(windowMs),
      aggression: { defaultValue: aggression, runtimeKey: "upstream.slow_start.aggression" },
      minWeightPercent: { value: minWeightPercent },
    },
  };
}

export function encodeBias(bias: number): { activeRequestBias?: RuntimeDoubleInit } {
  if (bias === ENVOY_BALANCING.activeRequestBias) return {};
  const runtimeKey = "upstream.least_request.active_request_bias";
  return { activeRequestBias: { defaultValue: bias, runtimeKey } };
}

export function decodeBias(message: RuntimeDouble | undefined, place: Place): number {
  const bias = message?.defaultValue ?? ENVOY_BALANCING.activeRequestBias;
  if (bias < 0) place.field("active_request_bias").refuse("is out of range", bias, "at least 0");
  return bias;
}

/** Sizes as Envoy allows them: `maximum` first, so that a plain minimum is what is named. */
export function decodeRingSizes(
  message: { minimumRingSize?: bigint | undefined; maximumRingSize?: bigint | undefined },
  place: Place,
): Pick<RingHashOptions, "minimumRingSize" | "maximumRingSize"> {
  const { ringHash } = ENVOY_BALANCING;
  const minimumRingSize = Number(message.minimumRingSize ?? ringHash.minimumRingSize);
  const maximumRingSize = Number(message.maximumRingSize ?? ringHash.maximumRingSize);
  if (minimumRingSize > maximumRingSize) {
    place
      .field("minimum_ring_size")
      .refuse("is above maximum_ring_size", minimumRingSize, `at most ${maximumRingSize}`);
  }
  return { minimumRingSize, maximumRingSize };
}

export function decodeTableSize(tableSize: bigint | undefined, place: Place): number {
  const size = Number(tableSize ?? ENVOY_BALANCING.maglevTableSize);
  if (!isPrime(size)) place.field("table_size").refuse("is no prime number", size, "a prime");
  return size;
}

function isPrime(number: number): boolean {
  if (number < 2) return false;
  for (let divisor = 2; divisor * divisor <= number; divisor++) {
    if (number % divisor === 0) return false;
  }
  return true;
}

type Hashing = Pick<BalancingOptions, "hashBalanceFactor" | "useHostnameForHashing">;

/** The same fields stand in the cluster's `common_lb_config` and in the policy's own message. */
export function decodeHashing(
  message:
    | Pick<ConsistentHashingLbConfig, "useHostnameForHashing" | "hashBalanceFactor">
    | undefined,
): Hashing {
  return {
    hashBalanceFactor: message?.hashBalanceFactor ?? 0,
    useHostnameForHashing: message?.useHostnameForHashing ?? false,
  };
}

/** The field of `common_lb_config`, or none. */
export function encodeHashing({ hashBalanceFactor, useHostnameForHashing }: Hashing): {
  consistentHashingLbConfig?: { useHostnameForHashing: boolean; hashBalanceFactor?: number };
} {
  if (hashBalanceFactor === 0 && !useHostnameForHashing) return {};
  const factor = hashBalanceFactor === 0 ? {} : { hashBalanceFactor };
  return { consistentHashingLbConfig: { useHostnameForHashing, ...factor } };
}

export function isLocalityWeighted(message: LocalityLbConfig | undefined): boolean {
  return message?.localityConfigSpecifier.case === "localityWeightedLbConfig";
}

/** `common_lb_config` belongs to `lb_policy`; a policy of the newer form carries its own. */
export function refuseOlderForm(message: ClusterMessage, place: Place): void {
  const common = place.field("common_lb_config");
  const beside = "is not looked at beside load_balancing_policy";
  const { commonLbConfig, lbConfig } = message;
  if (commonLbConfig?.consistentHashingLbConfig !== undefined) {
    common.field("consistent_hashing_lb_config").refuse(beside);
  }
  if (commonLbConfig?.localityConfigSpecifier.case === "localityWeightedLbConfig") {
    common.field("locality_weighted_lb_config").refuse(beside);
  }
  if (lbConfig.case !== undefined) place.field(OLDER_FIELDS[lbConfig.case]).refuse(beside);
}

const OLDER_FIELDS: Readonly<Record<NonNullable<ClusterMessage["lbConfig"]["case"]>, string>> = {
  ringHashLbConfig: "ring_hash_lb_config",
  maglevLbConfig: "maglev_lb_config",
  originalDstLbConfig: "original_dst_lb_config",
  leastRequestLbConfig: "least_request_lb_config",
  roundRobinLbConfig: "round_robin_lb_config",
};
