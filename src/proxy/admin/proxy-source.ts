import type { Clock } from "../../base/clock.ts";
import type { Bootstrap } from "../../model/bootstrap.ts";
import { NO_LOCALITY } from "../../model/endpoint.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { DataPlane } from "../data-plane.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { AdminSource, ClusterRow, EndpointRow, ListenerRow } from "./admin-source.ts";

export interface ProxyParts {
  readonly bootstrap: Bootstrap;
  readonly version: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly dataPlane: DataPlane;
  readonly ready: () => boolean;
  readonly onQuit: () => void;
}

/** The running proxy as its admin pages see it. */
export function adminSourceOf(parts: ProxyParts): AdminSource {
  const { bootstrap, version, clock, telemetry, dataPlane } = parts;
  const ownClusters = new Set(bootstrap.clusters.map(({ name }) => name));
  return {
    registry: telemetry.registry,
    bootstrap,
    version,
    clock,
    ready: parts.ready,
    clusters: () => dataPlane.clusters.clusters.map((cluster) => clusterRow(cluster, ownClusters)),
    listeners: () => dataPlane.listeners.listeners.flatMap(listenerRow),
    configDump: () => dataPlane.config,
    onQuit: parts.onQuit,
    onDrain: () => dataPlane.listeners.drain(),
  };
}

function clusterRow(cluster: UpstreamCluster, own: ReadonlySet<string>): ClusterRow {
  const { name, statName, thresholds } = cluster.config;
  return {
    name,
    observabilityName: statName === "" ? name : statName,
    addedViaApi: !own.has(name),
    thresholds,
    endpoints: cluster.hosts.map(endpointRow),
  };
}

function endpointRow(host: Host): EndpointRow {
  const { address, hostname, health, weight } = host.endpoint;
  return {
    address,
    hostname,
    health,
    weight,
    priority: 0,
    locality: NO_LOCALITY,
    stats: { cx_active: host.connections, rq_active: host.activeRequests },
  };
}

function listenerRow(listener: DataPlane["listeners"]["listeners"][number]): ListenerRow[] {
  const address = listener.boundAddress;
  return address === undefined ? [] : [{ name: listener.config.name, address }];
}
