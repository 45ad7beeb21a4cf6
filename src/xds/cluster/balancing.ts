import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Cluster as ClusterMessage,
  type ClusterSchema,
  Cluster_RingHashLbConfig_HashFunction as OlderHash,
  Cluster_LbPolicy as Policy,
} from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  LeastRequestSchema,
  LeastRequest_SelectionMethod as Selection,
} from "../../gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import {
  type BalancingOptions,
  ENVOY_BALANCING,
  type LbPolicy,
} from "../../model/balance/balancing.ts";
import type { Cluster, DiscoveryType } from "../../model/cluster.ts";
import type { Place } from "../check/place.ts";
import { pack } from "../message/any.ts";
import type { EncodeFor } from "../message/flavor.ts";
import { keyOf } from "../message/scalar.ts";
import { decodePolicyList } from "./load-balancing-policy.ts";
import { decodeSessionStatuses, encodeSessionStatuses } from "./override-status.ts";
import { encodePeakEwma } from "./peak-ewma.ts";
import {
  decodeBias,
  decodeHashing,
  decodeRingSizes,
  decodeSlowStart,
  decodeTableSize,
  encodeBias,
  encodeHashing,
  encodeSlowStart,
} from "./policy-options.ts";

/** Those that the older form can name. */
type EnumPolicy = Exclude<LbPolicy, "peakEwma">;

const POLICY: Readonly<Record<EnumPolicy, Policy>> = {
  roundRobin: Policy.ROUND_ROBIN,
  leastRequest: Policy.LEAST_REQUEST,
  random: Policy.RANDOM,
  ringHash: Policy.RING_HASH,
  maglev: Policy.MAGLEV,
  clusterProvided: Policy.CLUSTER_PROVIDED,
};

/** LEAST_REQUEST's draws where they are not set. */
const CHOICES = 2;

export type Balancing = Pick<Cluster, "lbPolicy" | "choiceCount" | "balancing">;

export function decodeBalancing(
  message: ClusterMessage,
  discovery: DiscoveryType,
  place: Place,
): Balancing {
  const said =
    message.loadBalancingPolicy === undefined
      ? fromEnum(message, place)
      : decodePolicyList(message, place);
  const isProvided = said.lbPolicy === "clusterProvided";
  if (isProvided !== (discovery === "originalDst")) {
    place
      .field("lb_policy")
      .refuse("does not fit the cluster's type", said.lbPolicy, provided(discovery));
  }
  if (said.balancing.useHostnameForHashing && discovery !== "strictDns") {
    const hashing = place.field("common_lb_config").field("consistent_hashing_lb_config");
    hashing.field("use_hostname_for_hashing").refuse("is for STRICT_DNS alone", discovery);
  }
  const at = place.field("common_lb_config").field("override_host_status");
  const sessionStatuses = decodeSessionStatuses(message.commonLbConfig, at);
  return { ...said, balancing: { ...said.balancing, sessionStatuses } };
}

function provided(discovery: DiscoveryType): string {
  return discovery === "originalDst"
    ? "CLUSTER_PROVIDED for ORIGINAL_DST"
    : "CLUSTER_PROVIDED for ORIGINAL_DST alone";
}

function fromEnum(message: ClusterMessage, place: Place): Balancing {
  const lbPolicy = keyOf(POLICY, message.lbPolicy);
  if (lbPolicy === undefined) {
    const found = Policy[message.lbPolicy];
    const allowed = Object.values(POLICY).map((policy) => Policy[policy]);
    place.field("lb_policy").refuse("is not executed by Outrigger", found, allowed.join(", "));
  }
  const { lbConfig } = message;
  const choices = lbConfig.case === "leastRequestLbConfig" ? lbConfig.value.choiceCount : undefined;
  const options = { ...fromCommon(message), ...fromConfig(message, place) };
  return {
    lbPolicy: lbPolicy ?? "roundRobin",
    choiceCount: choices ?? CHOICES,
    balancing: { ...ENVOY_BALANCING, ...options },
  };
}

function fromCommon({ commonLbConfig: common }: ClusterMessage): Partial<BalancingOptions> {
  const { case: locality } = common?.localityConfigSpecifier ?? {};
  return {
    ...decodeHashing(common?.consistentHashingLbConfig),
    localityWeighted: locality === "localityWeightedLbConfig",
  };
}

/** What stands beside the policy; where it is for another policy, Envoy does not look at it. */
function fromConfig(message: ClusterMessage, place: Place): Partial<BalancingOptions> {
  const { lbConfig, lbPolicy } = message;
  if (lbConfig.case === "ringHashLbConfig" && lbPolicy === Policy.RING_HASH) {
    const at = place.field("ring_hash_lb_config");
    const isMurmur = lbConfig.value.hashFunction === OlderHash.MURMUR_HASH_2;
    const hashFunction = isMurmur ? "murmurHash2" : "xxHash";
    return { ringHash: { ...decodeRingSizes(lbConfig.value, at), hashFunction } };
  }
  if (lbConfig.case === "maglevLbConfig" && lbPolicy === Policy.MAGLEV) {
    const at = place.field("maglev_lb_config");
    return { maglevTableSize: decodeTableSize(lbConfig.value.tableSize, at) };
  }
  if (lbConfig.case === "leastRequestLbConfig" && lbPolicy === Policy.LEAST_REQUEST) {
    const at = place.field("least_request_lb_config");
    return {
      activeRequestBias: decodeBias(lbConfig.value.activeRequestBias, at),
      slowStart: decodeSlowStart(lbConfig.value.slowStartConfig, at.field("slow_start_config")),
    };
  }
  if (lbConfig.case === "roundRobinLbConfig" && lbPolicy === Policy.ROUND_ROBIN) {
    const at = place.field("round_robin_lb_config").field("slow_start_config");
    return { slowStart: decodeSlowStart(lbConfig.value.slowStartConfig, at) };
  }
  return {};
}

/**
 * The older form, which every Envoy reads, where it can say it. A real Envoy, which has no
 * PEAK_EWMA, gets what is nearest to it.
 */
export function encodeBalancing(
  said: Cluster,
  target: EncodeFor,
): MessageInitShape<typeof ClusterSchema> {
  const isForeign = said.lbPolicy === "peakEwma" && target === "envoy";
  const cluster: Cluster = isForeign ? { ...said, lbPolicy: "leastRequest" } : said;
  const { lbPolicy, balancing } = cluster;
  if (lbPolicy === "peakEwma") return { loadBalancingPolicy: { policies: [encodePeak(cluster)] } };
  if (lbPolicy === "leastRequest" && balancing.fullScan) {
    return { loadBalancingPolicy: { policies: [encodeLeastRequest(cluster)] } };
  }
  const init: MessageInitShape<typeof ClusterSchema> = { lbPolicy: POLICY[lbPolicy] };
  const config = encodeConfig(cluster);
  if (config !== undefined) init.lbConfig = config;
  return init;
}

/** What `common_lb_config` says of balancing beside the panic threshold. */
export function encodeCommonBalancing({ lbPolicy, balancing }: Cluster): CommonInit {
  const sessions = encodeSessionStatuses(balancing.sessionStatuses);
  const isNewer = lbPolicy === "peakEwma" || (lbPolicy === "leastRequest" && balancing.fullScan);
  if (isNewer) return sessions;
  const locality = balancing.localityWeighted ? { localityConfigSpecifier: WEIGHTED } : {};
  return { ...sessions, ...encodeHashing(balancing), ...locality };
}

type CommonInit = ReturnType<typeof encodeHashing> &
  ReturnType<typeof encodeSessionStatuses> & { localityConfigSpecifier?: typeof WEIGHTED };

const WEIGHTED = { case: "localityWeightedLbConfig" as const, value: {} };

type LbConfigInit = NonNullable<MessageInitShape<typeof ClusterSchema>["lbConfig"]>;

function encodeConfig({ lbPolicy, balancing, choiceCount }: Cluster): LbConfigInit | undefined {
  const starting = encodeSlowStart(balancing.slowStart);
  if (lbPolicy === "ringHash") {
    const { minimumRingSize, maximumRingSize, hashFunction } = balancing.ringHash;
    const value = {
      minimumRingSize: BigInt(minimumRingSize),
      maximumRingSize: BigInt(maximumRingSize),
      hashFunction: hashFunction === "xxHash" ? OlderHash.XX_HASH : OlderHash.MURMUR_HASH_2,
    };
    return { case: "ringHashLbConfig", value };
  }
  if (lbPolicy === "maglev") {
    const value = { tableSize: BigInt(balancing.maglevTableSize) };
    return { case: "maglevLbConfig", value };
  }
  if (lbPolicy === "leastRequest") {
    const value = { choiceCount, ...encodeBias(balancing.activeRequestBias), ...starting };
    return { case: "leastRequestLbConfig", value };
  }
  if (lbPolicy !== "roundRobin" || balancing.slowStart === undefined) return undefined;
  return { case: "roundRobinLbConfig", value: starting };
}

function encodePeak(cluster: Cluster) {
  const typedConfig = encodePeakEwma(cluster.balancing.peakEwma);
  return { typedExtensionConfig: { name: "outrigger.peak_ewma", typedConfig } };
}

function encodeLeastRequest({ balancing, choiceCount }: Cluster) {
  const message = create(LeastRequestSchema, {
    choiceCount,
    selectionMethod: balancing.fullScan ? Selection.FULL_SCAN : Selection.N_CHOICES,
    ...encodeBias(balancing.activeRequestBias),
    ...encodeSlowStart(balancing.slowStart),
    ...(balancing.localityWeighted
      ? { localityLbConfig: { localityConfigSpecifier: WEIGHTED } }
      : {}),
  });
  const name = "envoy.load_balancing_policies.least_request";
  return { typedExtensionConfig: { name, typedConfig: pack(LeastRequestSchema, message) } };
}
