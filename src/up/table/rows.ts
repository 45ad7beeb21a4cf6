import type { SplitRow } from "../../api/mesh.ts";
import type { Pod } from "../../model/mesh.ts";
import { NO_COUNTS, type PodCounts, quantile, sumOfCounts } from "./scrape.ts";

/** One line of the table. */
export interface TableRow {
  readonly service: string;
  readonly version: string;
  /** The pod, where the line is one instance's; else empty. */
  readonly instance: string;
  readonly address: string;
  /** 0..1, of the split that names this version; undefined where there is none. */
  readonly wanted: number | undefined;
  /** 0..1, of the requests to the service's versions; undefined without requests. */
  readonly measured: number | undefined;
  readonly requestsPerSecond: number;
  /** 0..1; undefined without requests. */
  readonly success: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export interface Measured {
  /** By `namespace/name`, over the window. */
  readonly counts: ReadonlyMap<string, PodCounts>;
  readonly windowMs: number;
}

/** One row a service and version, in the order of their names; below each, its instances. */
export function tableRows(
  pods: readonly Pod[],
  measured: Measured,
  splits: readonly SplitRow[],
  withInstances: boolean,
): TableRow[] {
  const serving = pods.filter(({ containers }) => containers.some(({ ports }) => ports.length > 0));
  const services = [...Map.groupBy(serving, serviceKey)].sort(byKey);
  return services.flatMap(([, ofService]) =>
    serviceRows(ofService, measured, splits, withInstances),
  );
}

function serviceRows(
  pods: readonly Pod[],
  measured: Measured,
  splits: readonly SplitRow[],
  withInstances: boolean,
): TableRow[] {
  const versions = [...Map.groupBy(pods, versionOf)].sort(byKey);
  const total = countsOf(pods, measured).requests;
  return versions.flatMap(([version, instances]) => {
    const several = versions.length > 1;
    const row = rowOf(instances, measured, several ? total : undefined);
    const service = pods[0] === undefined ? "" : serviceOf(pods[0]);
    const namespace = pods[0]?.namespace ?? "";
    const own = { ...row, wanted: wantedShare(splits, service, namespace, version) };
    if (!withInstances) return [own];
    const requests = countsOf(instances, measured).requests;
    const inOrder = instances.toSorted((left, right) => (left.name < right.name ? -1 : 1));
    const below = inOrder.map((pod) => ({
      ...rowOf([pod], measured, instances.length > 1 ? requests : undefined),
      instance: pod.name,
      address: pod.address,
    }));
    return [own, ...below];
  });
}

/** `outOf`: the requests that this row's are a share of. */
function rowOf(pods: readonly Pod[], measured: Measured, outOf: number | undefined): TableRow {
  const counts = countsOf(pods, measured);
  const { requests, failures } = counts;
  const [pod] = pods;
  return {
    service: pod === undefined ? "" : serviceOf(pod),
    version: pod === undefined ? "" : versionOf(pod),
    instance: "",
    address: "",
    wanted: undefined,
    measured: outOf === undefined || outOf === 0 ? undefined : requests / outOf,
    requestsPerSecond: measured.windowMs === 0 ? 0 : requests / (measured.windowMs / 1000),
    success: requests === 0 ? undefined : 1 - failures / requests,
    p50Ms: quantile(counts, 0.5),
    p99Ms: quantile(counts, 0.99),
  };
}

function countsOf(pods: readonly Pod[], measured: Measured): PodCounts {
  return sumOfCounts(
    pods.map((pod) => measured.counts.get(`${pod.namespace}/${pod.name}`) ?? NO_COUNTS),
  );
}

/** A split names a version by its pods' label, by a subset, or (SMI) by a service of that name. */
function wantedShare(
  splits: readonly SplitRow[],
  service: string,
  namespace: string,
  version: string,
): number | undefined {
  const split = splits.find(
    (each) =>
      each.unconditional && each.namespace === namespace && firstLabel(each.service) === service,
  );
  if (split === undefined) return undefined;
  const backends = split.backends.filter(
    (backend) =>
      backend.version === version ||
      (backend.version === "" &&
        (backend.subset === version || firstLabel(backend.service) === version)),
  );
  return backends.reduce((sum, { share }) => sum + share, 0);
}

function firstLabel(host: string): string {
  return host.split(".")[0] ?? host;
}

function serviceOf(pod: Pod): string {
  return pod.labels.app ?? pod.labels["app.kubernetes.io/name"] ?? pod.workload;
}

function versionOf(pod: Pod): string {
  return pod.labels.version ?? pod.labels["app.kubernetes.io/version"] ?? "";
}

function serviceKey(pod: Pod): string {
  return `${pod.namespace}/${serviceOf(pod)}`;
}

function byKey([left]: [string, unknown], [right]: [string, unknown]): number {
  return left < right ? -1 : 1;
}
