import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Cluster as ClusterMessage,
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
} from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster, DiscoveryType } from "../model/cluster.ts";
import type { Place } from "./check/place.ts";
import { decodeBalancing, encodeBalancing, encodeCommonBalancing } from "./cluster/balancing.ts";
import { decodeDns, encodeDns } from "./cluster/dns.ts";
import { decodeOutlierDetection, encodeOutlierDetection } from "./cluster/outlier-detection.ts";
import { decodeThresholds, encodeThresholds } from "./cluster/thresholds.ts";
import { decodeSocketMatches, encodeSocketMatches } from "./cluster/transport-socket-matches.ts";
import { decodeUpstreamHttp, encodeUpstreamHttp } from "./cluster/upstream-http.ts";
import { decodeLoadAssignment, encodeLoadAssignment } from "./endpoint-resource.ts";
import { decodeHealthChecks, encodeHealthCheck } from "./health/health-check.ts";
import { decodeSocketAddress, encodeSocketAddress } from "./message/address.ts";
import { ADS_SOURCE, refuseOtherThanAds } from "./message/config-source.ts";
import type { EncodeFor } from "./message/flavor.ts";
import {
  decodeOrigin,
  decodeService,
  encodeService,
  type OurExtensions,
} from "./message/metadata.ts";
import { durationOr, keyOf, toDuration } from "./message/scalar.ts";
import { decodeCircuit, encodeCircuit } from "./resilience/circuit.ts";
import { decodeFailureAccrual, encodeFailureAccrual } from "./resilience/failure-accrual.ts";
import { decodeRetryRate, encodeRetryRate } from "./resilience/retry-rate.ts";
import { decodeUpstreamSocket, encodeUpstreamSocket } from "./tls/proxied-socket.ts";

const CONNECT_MS = 5000;
const PANIC_PERCENT = 50;

const DISCOVERY: Readonly<Record<DiscoveryType, Discovery>> = {
  static: Discovery.STATIC,
  strictDns: Discovery.STRICT_DNS,
  logicalDns: Discovery.LOGICAL_DNS,
  eds: Discovery.EDS,
  originalDst: Discovery.ORIGINAL_DST,
};

export function decodeCluster(message: ClusterMessage, place: Place): Cluster {
  const discovery = decodeDiscovery(message, place);
  const at = place.field("transport_socket");
  const { proxyProtocol, tls } = decodeUpstreamSocket(message.transportSocket, at);
  const matches = decodeSocketMatches(
    message.transportSocketMatches,
    place.field("transport_socket_matches"),
  );
  const http = decodeUpstreamHttp(message, speaksTls(tls, matches), place);
  const checks = place.field("health_checks");
  const { loadAssignment, commonLbConfig } = message;
  return {
    name: message.name,
    statName: message.altStatName,
    discovery,
    edsServiceName: message.edsClusterConfig?.serviceName ?? "",
    ...decodeBalancing(message, discovery, place),
    connectTimeoutMs: durationOr(message.connectTimeout, CONNECT_MS),
    thresholds: {
      ...decodeThresholds(message.circuitBreakers, place.field("circuit_breakers")),
      ...decodeRetryRate(message.metadata, place),
    },
    loadAssignment:
      loadAssignment === undefined
        ? undefined
        : decodeLoadAssignment(loadAssignment, place.field("load_assignment")),
    dns: decodeDns(message, place),
    ...http,
    bindAddress: decodeBindAddress(message, place),
    tcpKeepalive: decodeKeepalive(message),
    tls,
    ...matches,
    proxyProtocol,
    healthChecks: decodeHealthChecks(message.healthChecks, http.protocol, checks),
    ...decodeOutlierDetection(message.outlierDetection, place.field("outlier_detection")),
    healthyPanicThreshold: commonLbConfig?.healthyPanicThreshold?.value ?? PANIC_PERCENT,
    ...decodeCircuit(message.metadata, place),
    ...decodeFailureAccrual(message.metadata, discovery !== "originalDst", place),
    origin: decodeOrigin(message.metadata),
    service: decodeService(message.metadata),
  };
}

/** Whatever an endpoint matches. */
function speaksTls(
  tls: Cluster["tls"],
  { transportSocketMatches = [] }: Pick<Cluster, "transportSocketMatches">,
): boolean {
  return tls !== undefined && transportSocketMatches.every((match) => match.tls !== undefined);
}

function decodeDiscovery(message: ClusterMessage, place: Place): DiscoveryType {
  const { clusterDiscoveryType: type, loadAssignment, edsClusterConfig } = message;
  const code = type.case === "type" ? type.value : Discovery.STATIC;
  const discovery = keyOf(DISCOVERY, code) ?? "static";
  if (discovery === "eds") {
    const at = place.field("eds_cluster_config").field("eds_config");
    refuseOtherThanAds(edsClusterConfig?.edsConfig, at, "is missing");
    if (loadAssignment !== undefined) place.field("load_assignment").refuse("is EDS's to send");
  } else if (edsClusterConfig !== undefined) {
    place.field("eds_cluster_config").refuse("is set, and type is not EDS", discovery);
  }
  if (discovery === "originalDst" && loadAssignment !== undefined) {
    place.field("load_assignment").refuse("is set, and type is ORIGINAL_DST");
  }
  refuseNames(message, discovery, place);
  return discovery;
}

/** A static cluster has addresses, not names; a logical DNS cluster has one name. */
function refuseNames(message: ClusterMessage, discovery: DiscoveryType, place: Place): void {
  const localities = message.loadAssignment?.endpoints ?? [];
  const endpoints = localities.flatMap((locality) => locality.lbEndpoints);
  if (discovery === "logicalDns" && endpoints.length !== 1) {
    place
      .field("load_assignment")
      .refuse("of a LOGICAL_DNS cluster", `${endpoints.length} endpoints`, "exactly one endpoint");
  }
}

function decodeBindAddress(message: ClusterMessage, place: Place) {
  const source = message.upstreamBindConfig?.sourceAddress;
  if (source === undefined) return undefined;
  return decodeSocketAddress(source, place.field("upstream_bind_config").field("source_address"));
}

function decodeKeepalive(message: ClusterMessage): Cluster["tcpKeepalive"] {
  const keepalive = message.upstreamConnectionOptions?.tcpKeepalive;
  if (keepalive === undefined) return undefined;
  return {
    probes: keepalive.keepaliveProbes,
    timeS: keepalive.keepaliveTime,
    intervalS: keepalive.keepaliveInterval,
  };
}

/** What only our own proxies execute. */
function encodeOwn({ circuit, failureAccrual, thresholds }: Cluster): OurExtensions {
  return {
    ...encodeCircuit(circuit),
    ...encodeFailureAccrual(failureAccrual),
    ...encodeRetryRate(thresholds.retryRate),
  };
}

export function encodeCluster(cluster: Cluster, target: EncodeFor): ClusterMessage {
  const isOurs = target === "outrigger";
  const origin = isOurs ? cluster.origin : undefined;
  const extensions = isOurs ? encodeOwn(cluster) : {};
  const metadata = encodeService(cluster.service, origin, extensions);
  const { loadAssignment, outlierDetection } = cluster;
  const init: MessageInitShape<typeof ClusterSchema> = {
    name: cluster.name,
    altStatName: cluster.statName,
    clusterDiscoveryType: { case: "type", value: DISCOVERY[cluster.discovery] },
    connectTimeout: toDuration(cluster.connectTimeoutMs),
    circuitBreakers: encodeThresholds(cluster.thresholds),
    commonLbConfig: {
      healthyPanicThreshold: { value: cluster.healthyPanicThreshold },
      ...encodeCommonBalancing(cluster),
    },
    healthChecks: cluster.healthChecks.map(encodeHealthCheck),
  };
  Object.assign(init, encodeBalancing(cluster, target), encodeUpstreamHttp(cluster));
  Object.assign(init, encodeNames(cluster), encodeSockets(cluster));
  if (loadAssignment !== undefined) {
    init.loadAssignment = encodeLoadAssignment(loadAssignment, target);
  }
  if (outlierDetection !== undefined) {
    init.outlierDetection = encodeOutlierDetection(outlierDetection);
  }
  if (metadata !== undefined) init.metadata = metadata;
  return create(ClusterSchema, init);
}

/** What belongs to discovery: EDS's name, how often DNS is asked. */
function encodeNames(cluster: Cluster): MessageInitShape<typeof ClusterSchema> {
  if (cluster.discovery === "eds") {
    return { edsClusterConfig: { edsConfig: ADS_SOURCE, serviceName: cluster.edsServiceName } };
  }
  if (cluster.discovery !== "strictDns" && cluster.discovery !== "logicalDns") return {};
  return encodeDns(cluster.dns);
}

function encodeSockets(cluster: Cluster): MessageInitShape<typeof ClusterSchema> {
  const { bindAddress, tcpKeepalive } = cluster;
  const init: MessageInitShape<typeof ClusterSchema> = {};
  const socket = encodeUpstreamSocket(cluster);
  if (socket !== undefined) init.transportSocket = socket;
  init.transportSocketMatches = encodeSocketMatches(cluster.transportSocketMatches ?? []);
  if (bindAddress !== undefined) {
    init.upstreamBindConfig = { sourceAddress: encodeSocketAddress(bindAddress) };
  }
  if (tcpKeepalive === undefined) return init;
  const { probes, timeS, intervalS } = tcpKeepalive;
  init.upstreamConnectionOptions = {
    tcpKeepalive: {
      ...(probes === undefined ? {} : { keepaliveProbes: probes }),
      ...(timeS === undefined ? {} : { keepaliveTime: timeS }),
      ...(intervalS === undefined ? {} : { keepaliveInterval: intervalS }),
    },
  };
  return init;
}
