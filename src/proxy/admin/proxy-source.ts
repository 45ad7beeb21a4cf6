import type { AccessToken } from "../../base/access-token.ts";
import type { Clock } from "../../base/clock.ts";
import type { Bootstrap } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { ClusterSet } from "../cluster/cluster-set.ts";
import type { Host } from "../cluster/host.ts";
import type { Inheritance } from "../graceful/inheritance.ts";
import type { Lifecycle } from "../graceful/lifecycle.ts";
import type { ListenerSet } from "../listener/listener-set.ts";
import type { Plane } from "../main.ts";
import type { RateThresholds } from "../outlier/success-rate.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import type { AdminSource, ClusterRow, EndpointRow, ListenerRow } from "./admin-source.ts";

export interface ProxyParts {
  readonly bootstrap: Bootstrap;
  readonly version: string;
  readonly clock: Clock;
  readonly plane: Plane;
  readonly lifecycle: Lifecycle;
  readonly secrets: SecretStore;
  /** What a predecessor has listened with. */
  readonly inherited: Inheritance;
  /** What lets clients of other machines at the admin server. */
  readonly adminToken: AccessToken | undefined;
  readonly onQuit: () => void;
}

/** The running proxy as its admin pages see it. */
export function adminSourceOf(parts: ProxyParts): AdminSource {
  const { bootstrap, version, clock, plane, lifecycle, onQuit, secrets } = parts;
  return {
    registry: plane.registry,
    ...{ bootstrap, version, clock, onQuit },
    state: () => lifecycle.state,
    clusters: () => plane.clusters(),
    circuits: () => plane.circuits(),
    listeners: () => plane.listeners,
    refused: () => plane.refused(),
    configDump: () => plane.config,
    secrets: () => secrets.rows,
    certificates: () => plane.certificates(),
    onResetCounters: () => plane.resetCounters(),
    onHealthCheck: (passes) => {
      if (passes) lifecycle.passHealthCheck();
      else lifecycle.failHealthCheck();
    },
    onDrain: (options) => lifecycle.drainListeners(options),
    onReopenLogs: () => plane.reopenLogs(),
  };
}

/** The clusters of one thread. */
export function clusterRows({ clusters }: ClusterSet, bootstrap: Bootstrap): ClusterRow[] {
  const own = new Set(bootstrap.clusters.map(({ name }) => name));
  return clusters.map(({ config, hosts, rateThresholds }) =>
    clusterRow(config, rateThresholds, hosts.map(endpointRow), own),
  );
}

/** `own`: the names of the bootstrap's clusters. */
export function clusterRow(
  { name, statName, thresholds }: Cluster,
  outliers: RateThresholds | undefined,
  endpoints: readonly EndpointRow[],
  own: ReadonlySet<string>,
): ClusterRow {
  return {
    name,
    observabilityName: statName === "" ? name : statName,
    addedViaApi: !own.has(name),
    thresholds,
    outliers,
    endpoints,
  };
}

export function endpointRow(host: Host): EndpointRow {
  const { address, hostname, health, weight } = host.endpoint;
  return {
    address,
    hostname,
    health,
    failedCheck: host.failedCheck,
    degradedCheck: host.degradedCheck,
    checkTimedOut: host.checkTimedOut,
    ejected: host.ejected,
    ...(host.shut ? { shut: true } : {}),
    rates: host.rates,
    weight,
    priority: host.priority,
    locality: host.locality,
    stats: { cx_active: host.connections, rq_active: host.activeRequests },
  };
}

/** The listeners of one thread that have an address. */
export function listenerRows({ addresses }: ListenerSet): ListenerRow[] {
  return [...addresses].map(([name, address]) => ({ name, address }));
}
