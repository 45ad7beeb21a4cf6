import { formatAddress } from "../../../model/address.ts";
import type { CircuitRow } from "../../circuit/circuit-row.ts";
import type { ClusterRow, EndpointRow } from "../admin-source.ts";
import { type Answer, JSON_TYPE, jsonList, slices } from "../answer.ts";

/**
 * `/circuits`: our own circuits with their last changes, and by cluster its limits and the
 * endpoints that are out. Times are ISO 8601.
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
  const out: object[] = [];
  for (const endpoint of endpoints) {
    const reasons = reasonsOf(endpoint);
    if (reasons.length > 0) out.push({ address: formatAddress(endpoint.address), reasons });
  }
  return {
    name,
    limits: {
      max_connections: maxConnections,
      max_pending_requests: maxPendingRequests,
      max_requests: maxRequests,
      max_retries: maxRetries,
    },
    out,
  };
}

/** Why an endpoint gets no requests, or fewer. */
function reasonsOf({ ejected, failedCheck, health, shut }: EndpointRow): readonly string[] {
  return [
    ...(ejected ? ["ejected"] : []),
    ...(shut === true ? ["shut"] : []),
    ...(failedCheck ? ["failed_check"] : []),
    ...(health === "healthy" ? [] : [health]),
  ];
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
