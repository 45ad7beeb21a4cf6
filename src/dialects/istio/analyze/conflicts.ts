import type { ConnectionRouteSet } from "../../../model/connection-route-set.ts";
import type { HttpRouteSet } from "../../../model/http-route-set.ts";
import type { EgressPolicy, Service, ServicePort } from "../../../model/mesh.ts";
import { subjectOf } from "../../../model/origin.ts";
import { byAge } from "../../../model/precedence/host.ts";
import type { Spec } from "../spec.ts";

/** Findings about several objects that speak of one thing. */

/** A namespace that both are exported to is one where only one of them can hold. */
function exportsMeet(one: readonly string[], other: readonly string[]): boolean {
  if (one.length === 0 || other.length === 0) return false;
  return one.includes("*") || other.includes("*") || one.some((name) => other.includes(name));
}

function nameOf({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): string {
  return `${namespace}/${name}`;
}

type RouteSet = HttpRouteSet | ConnectionRouteSet;

interface Routing {
  readonly spec: Spec;
  readonly route: RouteSet;
}

/** IST0109: of several VirtualServices for one host a sidecar follows one, the oldest. */
export function reportSharedHosts(routings: readonly Routing[]): void {
  const byHost = Map.groupBy(
    routings.flatMap(({ route }) => route.hosts.map((host) => ({ host, route }))),
    ({ host }) => host,
  );
  for (const { spec, route } of routings) {
    const nodes = spec.at("hosts").items();
    for (const [index, host] of route.hosts.entries()) {
      const rivals = (byHost.get(host) ?? [])
        .map((other) => other.route)
        .filter((other) => exportsMeet(route.exportTo, other.exportTo));
      if (rivals.length > 1) reportSharedHost(nodes[index], host, route, rivals.toSorted(byAge));
    }
  }
}

function reportSharedHost(
  node: Spec | undefined,
  host: string,
  route: RouteSet,
  rivals: readonly RouteSet[],
): void {
  const [winner = route] = rivals;
  const { file, line } = winner.origin.position;
  node?.report(
    "warning",
    "IST0109",
    `The VirtualServices ${rivals.map(nameOf).join(",")} associated with mesh gateway define the ` +
      `same host ${host} which can lead to undefined behavior. This can be fixed by merging the ` +
      "conflicting VirtualServices into a single resource.",
    {
      hint:
        winner === route
          ? "this one holds: the oldest, then the first by namespace/name"
          : `${subjectOf(winner.origin)} (${file}:${line}) holds, and this one does nothing`,
    },
  );
}

/** IST0111: of several Sidecars without selector the oldest holds. */
export function reportSharedNamespaces(
  sidecars: readonly { readonly spec: Spec; readonly policy: EgressPolicy }[],
): void {
  const wide = sidecars.filter(({ policy }) => policy.selector === undefined);
  for (const { spec } of wide) {
    const rivals = wide.filter((other) => other.spec.namespace === spec.namespace);
    if (rivals.length < 2) continue;
    const names = rivals.map((other) => other.spec.object.name).join(" ");
    spec.report(
      "warning",
      "IST0111",
      `The Sidecars [${names}] in namespace "${spec.namespace}" have no workload selector, ` +
        "which can lead to undefined behavior.",
    );
  }
}

interface Entry {
  readonly spec: Spec;
  readonly services: readonly Service[];
}

/** IST0177: one port of one host cannot speak two protocols. */
export function reportProtocols(entries: readonly Entry[]): void {
  const byHost = Map.groupBy(
    entries.flatMap((entry) => entry.services),
    ({ host }) => host,
  );
  for (const entry of entries) {
    const nodes = entry.spec.at("ports").items();
    for (const service of entry.services) {
      const others = (byHost.get(service.host) ?? []).filter(
        (other) => other !== service && exportsMeet(other.exportTo, service.exportTo),
      );
      for (const [index, port] of service.ports.entries()) {
        const rivals = others.filter((other) => speaksOtherwise(other, port));
        if (rivals.length > 0) reportProtocol(nodes[index], port, [service, ...rivals]);
      }
    }
  }
}

function speaksOtherwise(service: Service, port: ServicePort): boolean {
  return service.ports.some(
    (their) => their.port === port.port && their.protocol !== port.protocol,
  );
}

function reportProtocol(
  node: Spec | undefined,
  port: ServicePort,
  services: readonly Service[],
): void {
  const protocols = services.flatMap(({ ports }) =>
    ports.filter((their) => their.port === port.port).map(({ protocol }) => protocol),
  );
  const names = services.map(({ origin }) => nameOf(origin)).join(", ");
  node?.report(
    "warning",
    "IST0177",
    `Multiple ServiceEntries (${names}) define the same host "${services[0]?.host}" and port ` +
      `${port.port} with conflicting protocols (${[...new Set(protocols)].join(", ")}).`,
    { hint: `here it is ${port.protocol}` },
  );
}
