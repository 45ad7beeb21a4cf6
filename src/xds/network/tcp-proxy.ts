import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type TcpProxy as TcpProxyMessage,
  TcpProxySchema,
} from "../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { TcpProxy, TcpWeightedCluster, TelemetryFilter } from "../../model/listener.ts";
import { decodeAccessLogs, encodeAccessLog } from "../access-log/access-log.ts";
import type { Place } from "../check/place.ts";
import { pack } from "../message/any.ts";
import { durationMs, durationOr, toDuration } from "../message/scalar.ts";

const IDLE_MS = 3_600_000;

const SOURCE_IP = { policySpecifier: { case: "sourceIp" as const, value: {} } };

/** filters.network.tcp_proxy.v3.TcpProxy; `telemetry` is the filter before it, if any. */
export function decodeTcpProxy(
  message: TcpProxyMessage,
  telemetry: TelemetryFilter | undefined,
  place: Place,
): TcpProxy {
  return {
    kind: "tcp",
    statPrefix: message.statPrefix,
    clusters: decodeClusters(message.clusterSpecifier, place),
    idleTimeoutMs: durationOr(message.idleTimeout, IDLE_MS),
    hashesSourceIp: message.hashPolicy.some(
      ({ policySpecifier }) => policySpecifier.case === "sourceIp",
    ),
    maxConnectionDurationMs: durationMs(message.maxDownstreamConnectionDuration),
    maxConnectAttempts: message.maxConnectAttempts ?? 1,
    limit: undefined,
    accessLogs: decodeAccessLogs(message.accessLog, place.field("access_log")),
    telemetry,
  };
}

function decodeClusters(
  specifier: TcpProxyMessage["clusterSpecifier"],
  place: Place,
): TcpWeightedCluster[] {
  if (specifier.case === "cluster") {
    if (specifier.value === "") place.field("cluster").refuse("is empty");
    return [{ cluster: specifier.value, weight: 1 }];
  }
  if (specifier.case !== "weightedClusters") return [];
  return specifier.value.clusters.map(({ name, weight }) => ({ cluster: name, weight }));
}

export function packTcpProxy(proxy: TcpProxy): Any {
  const { maxConnectionDurationMs: maxMs } = proxy;
  const message = create(TcpProxySchema, {
    statPrefix: proxy.statPrefix,
    clusterSpecifier: encodeClusters(proxy.clusters),
    idleTimeout: toDuration(proxy.idleTimeoutMs),
    hashPolicy: proxy.hashesSourceIp ? [SOURCE_IP] : [],
    maxConnectAttempts: proxy.maxConnectAttempts,
    accessLog: proxy.accessLogs.map(encodeAccessLog),
    ...(maxMs === 0 ? {} : { maxDownstreamConnectionDuration: toDuration(maxMs) }),
  });
  return pack(TcpProxySchema, message);
}

function encodeClusters(
  clusters: readonly TcpWeightedCluster[],
): TcpProxyMessage["clusterSpecifier"] {
  const [first] = clusters;
  if (clusters.length === 1 && first !== undefined) {
    return { case: "cluster", value: first.cluster };
  }
  const entries = clusters.map(({ cluster, weight }) => ({ name: cluster, weight }));
  return create(TcpProxySchema, {
    clusterSpecifier: { case: "weightedClusters", value: { clusters: entries } },
  }).clusterSpecifier;
}
