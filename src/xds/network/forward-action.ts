import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type WeightedCluster_ClusterWeight as ClusterWeight,
  RouteAction_ClusterNotFoundResponseCode as NotFoundCode,
  type RouteAction as RouteActionMessage,
  RouteActionSchema,
  WeightedCluster_ClusterWeightSchema,
  type WeightedCluster as WeightedClusterMessage,
  WeightedClusterSchema,
} from "../../gen/envoy/config/route/v3/route_components_pb.js";
import {
  type ForwardAction,
  type HostRewriteSource,
  NO_MUTATIONS,
  type WeightedCluster,
} from "../../model/route.ts";
import type { Place } from "../check/place.ts";
import { decodeMutations, encodeMutations } from "../message/header-mutation.ts";
import { durationMs, durationOr, orUndefined, toDuration } from "../message/scalar.ts";
import { decodeHashPolicies, encodeHashPolicy } from "./hash-policy.ts";
import { decodeMirrors, encodeMirror } from "./mirror-policy.ts";
import { decodeRegexRewrite, encodeRegexRewrite } from "./regex-rewrite.ts";
import {
  decodeHedgePolicy,
  decodeRetryPolicy,
  encodeHedgePolicy,
  encodeRetryPolicy,
} from "./retry-policy.ts";

const CONNECT = "CONNECT";

/** Envoy's RouteAction.timeout where it is not set. */
const ROUTE_TIMEOUT_MS = 15_000;

const NOT_FOUND_STATUS = {
  [NotFoundCode.NOT_FOUND]: 404,
  [NotFoundCode.INTERNAL_SERVER_ERROR]: 500,
  [NotFoundCode.SERVICE_UNAVAILABLE]: 503,
} as const;

const NOT_FOUND_CODE = {
  404: NotFoundCode.NOT_FOUND,
  500: NotFoundCode.INTERNAL_SERVER_ERROR,
  503: NotFoundCode.SERVICE_UNAVAILABLE,
} as const;

export function decodeForward(message: RouteActionMessage, place: Place): ForwardAction {
  const prefixRewrite = orUndefined(message.prefixRewrite);
  if (prefixRewrite !== undefined && message.regexRewrite !== undefined) {
    place.field("regex_rewrite").refuse("and prefix_rewrite exclude each other");
  }
  const { hostRewriteSpecifier: host, idleTimeout } = message;
  return {
    kind: "forward",
    clusters: decodeClusters(message.clusterSpecifier, place),
    timeoutMs: durationOr(message.timeout, ROUTE_TIMEOUT_MS),
    idleTimeoutMs: idleTimeout === undefined ? undefined : durationMs(idleTimeout),
    retryPolicy: decodeRetryPolicy(message.retryPolicy, place.field("retry_policy")),
    hedgePolicy: decodeHedgePolicy(message.hedgePolicy),
    hashPolicies: decodeHashPolicies(message.hashPolicy, place.field("hash_policy")),
    mirrors: decodeMirrors(message.requestMirrorPolicies, place.field("request_mirror_policies")),
    prefixRewrite,
    regexRewrite: decodeRegexRewrite(message.regexRewrite, place.field("regex_rewrite")),
    hostRewrite: host.case === "hostRewriteLiteral" ? orUndefined(host.value) : undefined,
    hostRewriteFrom: decodeHostSource(host, place),
    autoHostRewrite: host.case === "autoHostRewrite" && host.value.value,
    appendForwardedHost: message.appendXForwardedHost,
    maxStreamDurationMs: decodeStreamDuration(message.maxStreamDuration),
    ...decodeGrpcTimeout(message, place),
    terminatesConnect: decodeConnect(message, place.field("upgrade_configs")),
    clusterNotFoundStatus: NOT_FOUND_STATUS[message.clusterNotFoundResponseCode],
  };
}

function decodeHostSource(
  specifier: RouteActionMessage["hostRewriteSpecifier"],
  place: Place,
): HostRewriteSource | undefined {
  if (specifier.case === "hostRewriteHeader") {
    return { kind: "header", name: specifier.value.toLowerCase() };
  }
  if (specifier.case !== "hostRewritePathRegex") return undefined;
  const regex = decodeRegexRewrite(specifier.value, place.field("host_rewrite_path_regex"));
  return regex && { kind: "path", regex };
}

function decodeStreamDuration(
  message: RouteActionMessage["maxStreamDuration"],
): ForwardAction["maxStreamDurationMs"] {
  if (message === undefined) return undefined;
  const { maxStreamDuration } = message;
  return maxStreamDuration === undefined ? "inherited" : durationMs(maxStreamDuration);
}

/** `max_grpc_timeout` is the older way: Envoy does not look at it beside the other. */
function decodeGrpcTimeout(
  message: RouteActionMessage,
  place: Place,
): Pick<ForwardAction, "grpcTimeoutHeaderMaxMs" | "grpcTimeoutMaxMs"> {
  const bound = message.maxStreamDuration?.grpcTimeoutHeaderMax;
  const { maxGrpcTimeout: older } = message;
  if (message.maxStreamDuration !== undefined && older !== undefined) {
    const found = `${durationMs(older)}ms`;
    place.field("max_grpc_timeout").refuse("is not looked at", found, "max_stream_duration");
  }
  return {
    grpcTimeoutHeaderMaxMs: bound === undefined ? undefined : durationMs(bound),
    grpcTimeoutMaxMs: older === undefined ? undefined : durationMs(older),
  };
}

/** Of a route's upgrades, only that CONNECT ends here; the listener allows all others. */
function decodeConnect(message: RouteActionMessage, place: Place): boolean {
  let terminates = false;
  message.upgradeConfigs.forEach(({ upgradeType, enabled, connectConfig }, i) => {
    const at = place.item(i);
    if (upgradeType.toUpperCase() !== CONNECT) {
      at.field("upgrade_type").refuse(
        "is for the listener's upgrade_configs",
        upgradeType,
        CONNECT,
      );
    } else if (connectConfig === undefined || enabled === false) {
      at.field("connect_config").refuse("is missing: the listener allows CONNECT as such");
    } else if (terminates) {
      at.field("upgrade_type").refuse("stands twice", upgradeType);
    }
    terminates = true;
  });
  return terminates;
}

function decodeClusters(
  specifier: RouteActionMessage["clusterSpecifier"],
  place: Place,
): WeightedCluster[] {
  if (specifier.case === "cluster") return [wholeCluster(specifier.value)];
  if (specifier.case !== "weightedClusters") return [];
  return decodeSplit(specifier.value, place.field("weighted_clusters"));
}

function wholeCluster(cluster: string): WeightedCluster {
  return {
    cluster,
    weight: 1,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    hostRewrite: "",
  };
}

function decodeSplit(message: WeightedClusterMessage, place: Place): WeightedCluster[] {
  const items = place.field("clusters");
  const clusters = message.clusters.map((entry, i) => decodeWeight(entry, items.item(i)));
  const sum = clusters.reduce((total, entry) => total + entry.weight, 0);
  if (message.clusters.length > 0 && sum === 0) {
    items.refuse("have no weight at all", 0, "a sum of weights from 1");
  }
  if (sum > 4_294_967_295) items.refuse("weigh too much", sum, "a sum of at most 4294967295");
  if (message.totalWeight !== undefined && message.totalWeight !== sum) {
    place.field("total_weight").refuse("is not the sum", message.totalWeight, `${sum}`);
  }
  return clusters;
}

function decodeWeight(message: ClusterWeight, place: Place): WeightedCluster {
  if (message.name === "") place.field("name").refuse("is missing");
  const { hostRewriteSpecifier: host } = message;
  return {
    cluster: message.name,
    weight: message.weight ?? 0,
    ...decodeMutations(message, place),
    hostRewrite: host.case === "hostRewriteLiteral" ? host.value : "",
  };
}

export function encodeForward(action: ForwardAction): RouteActionMessage {
  const { idleTimeoutMs, hostRewrite, hostRewriteFrom, regexRewrite, retryPolicy } = action;
  const init: MessageInitShape<typeof RouteActionSchema> = {
    clusterSpecifier: encodeClusters(action.clusters),
    timeout: toDuration(action.timeoutMs),
    hashPolicy: action.hashPolicies.map(encodeHashPolicy),
    requestMirrorPolicies: action.mirrors.map(encodeMirror),
    prefixRewrite: action.prefixRewrite ?? "",
    appendXForwardedHost: action.appendForwardedHost,
    clusterNotFoundResponseCode: NOT_FOUND_CODE[action.clusterNotFoundStatus],
  };
  if (idleTimeoutMs !== undefined) init.idleTimeout = toDuration(idleTimeoutMs);
  if (regexRewrite !== undefined) init.regexRewrite = encodeRegexRewrite(regexRewrite);
  if (hostRewrite !== undefined) {
    init.hostRewriteSpecifier = { case: "hostRewriteLiteral", value: hostRewrite };
  }
  if (action.autoHostRewrite) {
    init.hostRewriteSpecifier = { case: "autoHostRewrite", value: { value: true } };
  }
  if (hostRewriteFrom?.kind === "header") {
    init.hostRewriteSpecifier = { case: "hostRewriteHeader", value: hostRewriteFrom.name };
  } else if (hostRewriteFrom?.kind === "path") {
    const value = encodeRegexRewrite(hostRewriteFrom.regex);
    init.hostRewriteSpecifier = { case: "hostRewritePathRegex", value };
  }
  const duration = encodeStreamDuration(action);
  if (duration !== undefined) init.maxStreamDuration = duration;
  if (action.grpcTimeoutMaxMs !== undefined) {
    init.maxGrpcTimeout = toDuration(action.grpcTimeoutMaxMs);
  }
  if (action.terminatesConnect) {
    init.upgradeConfigs = [{ upgradeType: CONNECT, connectConfig: {} }];
  }
  const retries = encodeRetryPolicy(retryPolicy);
  if (retries !== undefined) init.retryPolicy = retries;
  const hedging = encodeHedgePolicy(action.hedgePolicy);
  if (hedging !== undefined) init.hedgePolicy = hedging;
  return create(RouteActionSchema, init);
}

function encodeStreamDuration(action: ForwardAction) {
  const { grpcTimeoutHeaderMaxMs, maxStreamDurationMs } = action;
  if (maxStreamDurationMs === undefined) return undefined;
  return {
    ...(maxStreamDurationMs === "inherited"
      ? {}
      : { maxStreamDuration: toDuration(maxStreamDurationMs) }),
    ...(grpcTimeoutHeaderMaxMs === undefined
      ? {}
      : { grpcTimeoutHeaderMax: toDuration(grpcTimeoutHeaderMaxMs) }),
  };
}

/** A split of one without settings of its own is a plain `cluster`. */
function encodeClusters(
  clusters: readonly WeightedCluster[],
): RouteActionMessage["clusterSpecifier"] {
  const [first] = clusters;
  if (clusters.length === 1 && first !== undefined && isPlain(first)) {
    return { case: "cluster", value: first.cluster };
  }
  const value = create(WeightedClusterSchema, { clusters: clusters.map(encodeWeight) });
  return { case: "weightedClusters", value };
}

function isPlain(entry: WeightedCluster): boolean {
  const { requestHeaders: request, responseHeaders: response, hostRewrite } = entry;
  const mutations = [request.set, request.remove, response.set, response.remove];
  return hostRewrite === "" && mutations.every((list) => list.length === 0);
}

function encodeWeight(entry: WeightedCluster): ClusterWeight {
  const init: MessageInitShape<typeof WeightedCluster_ClusterWeightSchema> = {
    name: entry.cluster,
    weight: entry.weight,
    ...encodeMutations(entry),
  };
  if (entry.hostRewrite !== "") {
    init.hostRewriteSpecifier = { case: "hostRewriteLiteral", value: entry.hostRewrite };
  }
  return create(WeightedCluster_ClusterWeightSchema, init);
}
