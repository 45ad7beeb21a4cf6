import { formatAddress } from "../../../model/address.ts";
import type { CircuitRow } from "../../circuit/circuit-row.ts";
import type { ClusterRow } from "../admin-source.ts";
import { type Answer, JSON_TYPE, jsonList, slices } from "../answer.ts";

/**
 * `/circuits`: our own circuits with their last changes, and Envoy's limits by cluster. Times are
 * ISO 8601; the longest is a day's JSON of thousands of circuits, so it is made in slices.
 */
export function circuitsPage(
  circuits: Iterable<CircuitRow>,
  clusters: Iterable<ClusterRow>,
): Answer {
  return slices(JSON_TYPE, pageOf(circuits, clusters));
}

function* pageOf(
  circuits: Iterable<CircuitRow>,
  clusters: Iterable<ClusterRow>,
): Generator<string> {
  yield* jsonList('{"circuits": [', listed(circuits, circuitOf), '],\n"clusters": [');
  yield* jsonList("", listed(clusters, clusterOf), "]}\n");
}

function* listed<T>(rows: Iterable<T>, of: (row: T) => object): Generator<object> {
  for (const row of rows) yield of(row);
}

function circuitOf(row: CircuitRow): object {
  const place = row.cluster === "" ? { route: row.route } : { cluster: row.cluster };
  return {
    name: row.circuit,
    ...place,
    scope: row.scope,
    state: row.state,
    since: timeOf(row.sinceMs),
    open_until: timeOf(row.openUntilMs),
    window: { requests: row.requests, errors: row.errors, error_percentage: row.errorPercentage },
    concurrent: row.concurrent,
    max_concurrent: row.maxConcurrent,
    time_to_recovery_ms: row.recoveryMs,
    transitions: row.changes.map(({ atMs, from, reason, to }) => ({
      time: timeOf(atMs),
      ...{ from, to, reason },
    })),
  };
}

function clusterOf({ endpoints, name, thresholds }: ClusterRow): object {
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries } = thresholds;
  const unhealthy: string[] = [];
  for (const { address, failedCheck, health } of endpoints) {
    if (failedCheck || health !== "healthy") unhealthy.push(formatAddress(address));
  }
  return {
    name,
    limits: {
      max_connections: maxConnections,
      max_pending_requests: maxPendingRequests,
      max_requests: maxRequests,
      max_retries: maxRetries,
    },
    unhealthy,
  };
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
