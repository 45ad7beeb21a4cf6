import type { PodRow, ServiceRow, SplitBackendRow, SplitRow } from "../../api/mesh.ts";
import { formatPosition } from "../../base/diagnostic.ts";
import type { Backend, HttpRouteSet, HttpRule } from "../../model/http-route-set.ts";
import type { Mesh, Pod, Service } from "../../model/mesh.ts";
import { matchesLabels } from "../../model/mesh.ts";
import { subjectOf } from "../../model/origin.ts";
import { podsOf } from "../../model/precedence/endpoints.ts";

export function serviceRows(mesh: Mesh, pods: readonly Pod[]): readonly ServiceRow[] {
  return mesh.services.map((service) => ({
    host: service.host,
    name: service.name,
    namespace: service.namespace,
    addresses: service.addresses,
    ports: service.ports.map(({ name, port, protocol }) => ({ name, port, protocol })),
    pods: podsOf(service, pods)
      .filter((pod) => pod.ready)
      .map((pod) => `${pod.namespace}/${pod.name}`),
    external: service.external,
    origin: formatPosition(service.origin.position),
  }));
}

export function podRows(mesh: Mesh, pods: readonly Pod[]): readonly PodRow[] {
  return pods.map((pod) => ({
    name: pod.name,
    namespace: pod.namespace,
    address: pod.address,
    workload: pod.workload,
    app: pod.labels.app ?? "",
    version: pod.labels.version ?? "",
    labels: pod.labels,
    serviceAccount: pod.serviceAccount,
    containers: pod.containers.map((container) => container.name),
    ready: pod.ready,
    services: mesh.services
      .filter((service) => podsOf(service, [pod]).length > 0)
      .map((service) => service.host),
  }));
}

/** Every rule that divides requests between at least two backends, once a service. */
export function splitRows(mesh: Mesh, pods: readonly Pod[]): readonly SplitRow[] {
  return mesh.routes.flatMap((set) =>
    set.rules.flatMap((rule) => {
      const { action } = rule;
      if (action.kind !== "split" || action.backends.length < 2) return [];
      const backends = backendRows(action.backends, mesh, pods);
      return set.hosts.map((host) => splitRow(set, rule, host, backends));
    }),
  );
}

function splitRow(
  set: HttpRouteSet,
  rule: HttpRule,
  host: string,
  backends: readonly SplitBackendRow[],
): SplitRow {
  return {
    service: host,
    namespace: set.namespace,
    rule: rule.name,
    unconditional: rule.matches.length === 0,
    dialect: set.dialect,
    subject: subjectOf(set.origin),
    origin: formatPosition(rule.origin.position),
    rationale: rule.origin.rationale ?? set.origin.rationale ?? "",
    backends,
  };
}

function backendRows(
  backends: readonly Backend[],
  mesh: Mesh,
  pods: readonly Pod[],
): readonly SplitBackendRow[] {
  const sum = backends.reduce((total, backend) => total + backend.weight, 0);
  return backends.map((backend) => ({
    service: backend.host,
    subset: backend.subset,
    version: versionOf(backend, mesh, pods),
    weight: backend.weight,
    share: sum === 0 ? 0 : backend.weight / sum,
  }));
}

/** What the backend's pods call themselves; empty where they disagree or there are none. */
function versionOf(backend: Backend, mesh: Mesh, pods: readonly Pod[]): string {
  const labels = mesh.destinationPolicies
    .filter((policy) => policy.host === backend.host)
    .flatMap((policy) => policy.subsets)
    .find((subset) => subset.name === backend.subset)?.labels;
  const named = labels?.version;
  if (named !== undefined) return named;
  const service = mesh.services.find((each): each is Service => each.host === backend.host);
  if (service === undefined) return "";
  const versions = new Set(
    podsOf(service, pods)
      .filter((pod) => matchesLabels(pod.labels, labels ?? {}))
      .map((pod) => pod.labels.version ?? ""),
  );
  return versions.size === 1 ? ([...versions][0] ?? "") : "";
}
