import { RE2JS } from "re2js";
import { formatAddress } from "../../../model/address.ts";
import type { Thresholds } from "../../../model/cluster.ts";
import type { HealthStatus } from "../../../model/endpoint.ts";
import { type ClusterRow, ENDPOINT_STATS, type EndpointRow } from "../admin-source.ts";
import { type Answer, JSON_TYPE, jsonList, slices, TEXT, text } from "../answer.ts";
import { addressJson } from "./listeners.ts";

const LINES_PER_SLICE = 500;

/** Envoy's health flag of an endpoint that EDS gave this status. */
const EDS_FLAGS: Readonly<Record<HealthStatus, string>> = {
  healthy: "",
  unhealthy: "/failed_eds_health",
  degraded: "/degraded_eds_health",
  draining: "/eds_status_draining",
};

/** `/clusters`: each cluster and its endpoints, as text or with `format=json`. */
export function clustersPage(clusters: Iterable<ClusterRow>, query: URLSearchParams): Answer {
  const filter = query.get("filter") ?? "";
  let shown = clusters;
  if (filter !== "") {
    try {
      const regex = RE2JS.compile(filter);
      shown = filtered(clusters, (name) => regex.test(name));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return text(`Invalid re2 regex: ${why}\n`, 400);
    }
  }
  if (query.get("format") !== "json") return slices(TEXT, clustersText(shown));
  const list = jsonList('{"cluster_statuses": [\n', statuses(shown), "\n]}\n");
  return slices(JSON_TYPE, list);
}

function* filtered(
  clusters: Iterable<ClusterRow>,
  accept: (name: string) => boolean,
): Generator<ClusterRow> {
  for (const cluster of clusters) if (accept(cluster.name)) yield cluster;
}

function* clustersText(clusters: Iterable<ClusterRow>): Generator<string> {
  for (const cluster of clusters) {
    const { name, thresholds } = cluster;
    let lines = [
      `${name}::observability_name::${cluster.observabilityName}`,
      ...outlierLines(name, cluster.outliers),
      `${name}::default_priority::max_connections::${thresholds.maxConnections}`,
      `${name}::default_priority::max_pending_requests::${thresholds.maxPendingRequests}`,
      `${name}::default_priority::max_requests::${thresholds.maxRequests}`,
      `${name}::default_priority::max_retries::${thresholds.maxRetries}`,
      `${name}::added_via_api::${cluster.addedViaApi}`,
    ];
    for (const endpoint of cluster.endpoints) {
      lines.push(...endpointLines(name, endpoint));
      if (lines.length < LINES_PER_SLICE) continue;
      yield joined(lines);
      lines = [];
    }
    yield joined(lines);
  }
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function endpointLines(cluster: string, endpoint: EndpointRow): string[] {
  const { locality, stats } = endpoint;
  const counted = ENDPOINT_STATS.flatMap((stat) =>
    stats[stat] === undefined ? [] : [[stat, stats[stat]] as const],
  );
  const fields: (readonly [string, string | number | boolean])[] = [
    ...counted,
    ["hostname", endpoint.hostname],
    ["health_flags", healthFlags(endpoint)],
    ["weight", endpoint.weight],
    ["region", locality.region],
    ["zone", locality.zone],
    ["sub_zone", locality.subZone],
    ["canary", false],
    ["priority", endpoint.priority],
    ["success_rate", endpoint.rates.external],
    ["local_origin_success_rate", endpoint.rates.localOrigin],
  ];
  const address = formatAddress(endpoint.address);
  return fields.map(([key, value]) => `${cluster}::${address}::${key}::${value}`);
}

/** As Envoy writes them: ClustersHandler's addOutlierInfo. */
function outlierLines(name: string, outliers: ClusterRow["outliers"]): string[] {
  if (outliers === undefined) return [];
  const { external, localOrigin } = outliers;
  return [
    `${name}::outlier::success_rate_average::${external.mean}`,
    `${name}::outlier::success_rate_ejection_threshold::${external.threshold}`,
    `${name}::outlier::local_origin_success_rate_average::${localOrigin.mean}`,
    `${name}::outlier::local_origin_success_rate_ejection_threshold::${localOrigin.threshold}`,
  ];
}

/** As Envoy writes them (HostUtility::healthFlagsToString), and one of our own. */
export function healthFlags(endpoint: EndpointRow): string {
  const { checkTimedOut, degradedCheck, ejected, failedCheck, health, shut } = endpoint;
  const failed =
    (failedCheck ? "/failed_active_hc" : "") +
    (ejected ? "/failed_outlier_check" : "") +
    (shut === true ? "/failed_accrual" : "");
  const timedOut = checkTimedOut ? "/active_hc_timeout" : "";
  const worn = degradedCheck ? "/degraded_active_hc" : "";
  const flags = failed + worn + EDS_FLAGS[health] + timedOut;
  return flags === "" ? "healthy" : flags;
}

function* statuses(clusters: Iterable<ClusterRow>): Generator<object> {
  for (const cluster of clusters) {
    yield {
      name: cluster.name,
      added_via_api: cluster.addedViaApi,
      ...thresholdsOf(cluster.outliers),
      host_statuses: Array.from(cluster.endpoints, hostStatus),
      circuit_breakers: { thresholds: [thresholdsJson(cluster.thresholds)] },
      observability_name: cluster.observabilityName,
    };
  }
}

/** Envoy: admin.v3.HostStatus; 64-bit numbers are strings in protobuf's JSON. */
function hostStatus(endpoint: EndpointRow): object {
  const { locality, stats } = endpoint;
  return {
    address: addressJson(endpoint.address),
    stats: ENDPOINT_STATS.flatMap((name) =>
      stats[name] === undefined
        ? []
        : [{ type: /_active$/.test(name) ? "GAUGE" : "COUNTER", value: `${stats[name]}`, name }],
    ),
    health_status: {
      ...(endpoint.failedCheck ? { failed_active_health_check: true } : {}),
      ...(endpoint.ejected ? { failed_outlier_check: true } : {}),
      ...(endpoint.shut === true ? { failed_accrual: true } : {}),
      ...(endpoint.degradedCheck ? { failed_active_degraded_check: true } : {}),
      eds_health_status: endpoint.health.toUpperCase(),
      ...(endpoint.checkTimedOut ? { active_hc_timeout: true } : {}),
    },
    ...rateJson("success_rate", endpoint.rates.external),
    weight: endpoint.weight,
    hostname: endpoint.hostname,
    ...rateJson("local_origin_success_rate", endpoint.rates.localOrigin),
    priority: endpoint.priority,
    locality: { region: locality.region, zone: locality.zone, sub_zone: locality.subZone },
  };
}

/** Envoy: type.v3.Percent; what is not known is left out. */
function rateJson(name: string, rate: number): object {
  return rate < 0 ? {} : { [name]: { value: rate } };
}

function thresholdsOf(outliers: ClusterRow["outliers"]): object {
  if (outliers === undefined) return {};
  const { external, localOrigin } = outliers;
  return {
    ...rateJson("success_rate_ejection_threshold", external.threshold || -1),
    ...rateJson("local_origin_success_rate_ejection_threshold", localOrigin.threshold || -1),
  };
}

function thresholdsJson(thresholds: Thresholds): object {
  return {
    max_connections: thresholds.maxConnections,
    max_pending_requests: thresholds.maxPendingRequests,
    max_requests: thresholds.maxRequests,
    max_retries: thresholds.maxRetries,
  };
}
