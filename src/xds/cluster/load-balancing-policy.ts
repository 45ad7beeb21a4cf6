import type { Any } from "@bufbuild/protobuf/wkt";
import type { Cluster as ClusterMessage } from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterProvidedSchema } from "../../gen/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.js";
import {
  type LeastRequest,
  LeastRequestSchema,
  LeastRequest_SelectionMethod as Selection,
} from "../../gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import {
  type Maglev,
  MaglevSchema,
} from "../../gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js";
import { RandomSchema } from "../../gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js";
import {
  RingHash_HashFunction as HashFunction,
  type RingHash,
  RingHashSchema,
} from "../../gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js";
import { RoundRobinSchema } from "../../gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import { ENVOY_BALANCING, type LbPolicy } from "../../model/balance/balancing.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { Place } from "../check/place.ts";
import { typeNameOf, unpack } from "../message/any.ts";
import { isTypedStruct } from "../network/telemetry-filter.ts";
import { decodePeakEwma } from "./peak-ewma.ts";
import {
  decodeBias,
  decodeHashing,
  decodeRingSizes,
  decodeSlowStart,
  decodeTableSize,
  isLocalityWeighted,
  refuseOlderForm,
} from "./policy-options.ts";

type Balancing = Pick<Cluster, "lbPolicy" | "choiceCount" | "balancing">;

const CHOICES = 2;

/** Envoy: Cluster.load_balancing_policy. The first policy of the list that is known decides. */
export function decodePolicyList(message: ClusterMessage, place: Place): Balancing {
  refuseOlderForm(message, place);
  const list = place.field("load_balancing_policy").field("policies");
  const policies = message.loadBalancingPolicy?.policies ?? [];
  for (const [i, { typedExtensionConfig }] of policies.entries()) {
    const any = typedExtensionConfig?.typedConfig;
    if (any === undefined) continue;
    const at = list.item(i).field("typed_extension_config").field("typed_config");
    const found = decodePolicy(any, at);
    if (found !== undefined) return found;
  }
  list.refuse("name no policy that is executed");
  return policyOf("roundRobin");
}

function policyOf(
  lbPolicy: LbPolicy,
  options: Partial<Cluster["balancing"]> = {},
  choiceCount = CHOICES,
): Balancing {
  return { lbPolicy, choiceCount, balancing: { ...ENVOY_BALANCING, ...options } };
}

/** Undefined for what is no policy (the check has refused what is unknown altogether). */
function decodePolicy(any: Any, place: Place): Balancing | undefined {
  const random = unpack(any, RandomSchema);
  if (random !== undefined) {
    return policyOf("random", { localityWeighted: isLocalityWeighted(random.localityLbConfig) });
  }
  const roundRobin = unpack(any, RoundRobinSchema);
  if (roundRobin !== undefined) {
    const at = place.field("slow_start_config");
    return policyOf("roundRobin", {
      slowStart: decodeSlowStart(roundRobin.slowStartConfig, at),
      localityWeighted: isLocalityWeighted(roundRobin.localityLbConfig),
    });
  }
  const leastRequest = unpack(any, LeastRequestSchema);
  if (leastRequest !== undefined) return decodeLeastRequest(leastRequest, place);
  const ringHash = unpack(any, RingHashSchema);
  if (ringHash !== undefined) return decodeRingHash(ringHash, place);
  const maglev = unpack(any, MaglevSchema);
  if (maglev !== undefined) return decodeMaglev(maglev, place);
  if (isTypedStruct(any)) {
    const peakEwma = decodePeakEwma(any, place);
    return peakEwma && policyOf("peakEwma", { peakEwma });
  }
  if (typeNameOf(any.typeUrl) === ClusterProvidedSchema.typeName)
    return policyOf("clusterProvided");
  return undefined;
}

function decodeLeastRequest(message: LeastRequest, place: Place): Balancing {
  const options = {
    slowStart: decodeSlowStart(message.slowStartConfig, place.field("slow_start_config")),
    activeRequestBias: decodeBias(message.activeRequestBias, place),
    fullScan: message.selectionMethod === Selection.FULL_SCAN,
    localityWeighted: isLocalityWeighted(message.localityLbConfig),
  };
  return policyOf("leastRequest", options, message.choiceCount ?? CHOICES);
}

function decodeRingHash(message: RingHash, place: Place): Balancing {
  const isMurmur = message.hashFunction === HashFunction.MURMUR_HASH_2;
  const hashFunction = isMurmur ? "murmurHash2" : "xxHash";
  return policyOf("ringHash", {
    ringHash: { ...decodeRingSizes(message, place), hashFunction },
    ...decodeHashing(message.consistentHashingLbConfig),
    localityWeighted: message.localityWeightedLbConfig !== undefined,
  });
}

function decodeMaglev(message: Maglev, place: Place): Balancing {
  return policyOf("maglev", {
    maglevTableSize: decodeTableSize(message.tableSize, place),
    ...decodeHashing(message.consistentHashingLbConfig),
    localityWeighted: message.localityWeightedLbConfig !== undefined,
  });
}
