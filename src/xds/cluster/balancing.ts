import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Cluster as ClusterMessage,
  type ClusterSchema,
  Cluster_LbPolicy as Policy,
} from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterProvidedSchema } from "../../gen/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.js";
import { LeastRequestSchema } from "../../gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import { RandomSchema } from "../../gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js";
import { RoundRobinSchema } from "../../gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import type { Cluster, DiscoveryType, LbPolicy } from "../../model/cluster.ts";
import type { Place } from "../check/place.ts";
import { typeNameOf, unpack } from "../message/any.ts";
import { keyOf } from "../message/scalar.ts";

/** LEAST_REQUEST's draws where they are not set. */
const CHOICES = 2;

const POLICY: Readonly<Record<LbPolicy, Policy>> = {
  roundRobin: Policy.ROUND_ROBIN,
  leastRequest: Policy.LEAST_REQUEST,
  random: Policy.RANDOM,
  clusterProvided: Policy.CLUSTER_PROVIDED,
};

/** The new form's messages: `load_balancing_policy`. */
const EXTENSIONS: Readonly<Record<LbPolicy, string>> = {
  roundRobin: RoundRobinSchema.typeName,
  leastRequest: LeastRequestSchema.typeName,
  random: RandomSchema.typeName,
  clusterProvided: ClusterProvidedSchema.typeName,
};

type Balancing = Pick<Cluster, "lbPolicy" | "choiceCount">;

export function decodeBalancing(
  message: ClusterMessage,
  discovery: DiscoveryType,
  place: Place,
): Balancing {
  const balancing =
    message.loadBalancingPolicy === undefined
      ? fromEnum(message, place)
      : fromExtension(message, place);
  const isProvided = balancing.lbPolicy === "clusterProvided";
  if (isProvided !== (discovery === "originalDst")) {
    place
      .field("lb_policy")
      .refuse("does not fit the cluster's type", balancing.lbPolicy, provided(discovery));
  }
  return balancing;
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
    const allowed = "ROUND_ROBIN, LEAST_REQUEST, RANDOM, CLUSTER_PROVIDED";
    place.field("lb_policy").refuse("is not executed by Outrigger", found, allowed);
  }
  const { lbConfig } = message;
  const choices = lbConfig.case === "leastRequestLbConfig" ? lbConfig.value.choiceCount : undefined;
  return { lbPolicy: lbPolicy ?? "roundRobin", choiceCount: choices ?? CHOICES };
}

/** The first policy that is known decides (the check has refused what is unknown). */
function fromExtension(message: ClusterMessage, place: Place): Balancing {
  for (const { typedExtensionConfig } of message.loadBalancingPolicy?.policies ?? []) {
    const any = typedExtensionConfig?.typedConfig;
    if (any === undefined) continue;
    const lbPolicy = keyOfType(typeNameOf(any.typeUrl));
    if (lbPolicy === undefined) continue;
    const choices = unpack(any, LeastRequestSchema)?.choiceCount;
    return { lbPolicy, choiceCount: choices ?? CHOICES };
  }
  place.field("load_balancing_policy").field("policies").refuse("name no policy that is executed");
  return { lbPolicy: "roundRobin", choiceCount: CHOICES };
}

function keyOfType(typeName: string): LbPolicy | undefined {
  return (Object.keys(EXTENSIONS) as LbPolicy[]).find((key) => EXTENSIONS[key] === typeName);
}

export function encodeBalancing(cluster: Cluster): MessageInitShape<typeof ClusterSchema> {
  const { lbPolicy, choiceCount } = cluster;
  const init: MessageInitShape<typeof ClusterSchema> = { lbPolicy: POLICY[lbPolicy] };
  if (lbPolicy === "leastRequest") {
    init.lbConfig = { case: "leastRequestLbConfig", value: { choiceCount } };
  }
  return init;
}
