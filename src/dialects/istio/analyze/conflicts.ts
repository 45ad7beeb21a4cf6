import type { ConnectionRouteSet } from "../../../model/connection-route-set.ts";
import type { HttpRouteSet } from "../../../model/http-route-set.ts";
import type { EgressPolicy, Service, ServicePort } from "../../../model/mesh.ts";
import { subjectOf } from "../../../model/origin.ts";
import { byAge } from "../../../model/precedence/host.ts";
import type { Spec } from "../spec.ts";
import type { VirtualServiceRoutes } from "../virtual-service/virtual-service.ts";

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
  readonly routes: VirtualServiceRoutes;
  /** One of `routes`: they share their hosts, and whom they are exported to. */
  readonly route: RouteSet;
}

/**
 * IST0109: of several VirtualServices for one host a sidecar follows one, the oldest: one for
 * requests, and one for connections.
 */
export function reportSharedHosts(
  read: readonly { readonly spec: Spec; readonly routes: VirtualServiceRoutes }[],
): void {
  const routings = read.flatMap(({ spec, routes }): Routing[] => {
    const route = routes.http ?? routes.connections;
    return route === undefined ? [] : [{ spec, routes, route }];
  });
  const byHost = Map.groupBy(
    routings.flatMap((routing) => routing.route.hosts.map((host) => ({ host, routing }))),
    ({ host }) => host,
  );
  for (const routing of routings) {
    const nodes = routing.spec.at("hosts").items();
    for (const [index, host] of routing.route.hosts.entries()) {
      const rivals = (byHost.get(host) ?? [])
        .map((other) => other.routing)
        .filter(({ route }) => exportsMeet(routing.route.exportTo, route.exportTo))
        .toSorted((left, right) => byAge(left.route, right.route));
      if (rivals.length > 1) reportSharedHost(nodes[index], host, routing, rivals);
    }
  }
}

function reportSharedHost(
  node: Spec | undefined,
  host: string,
  routing: Routing,
  rivals: readonly Routing[],
): void {
  const names = rivals.map(({ route }) => nameOf(route)).join(",");
  node?.report(
    "warning",
    "IST0109",
    `The VirtualServices ${names} associated with mesh gateway define the ` +
      `same host ${host} which can lead to undefined behavior. This can be fixed by merging the ` +
      "conflicting VirtualServices into a single resource.",
    { hint: whoHolds(routing, rivals) },
  );
}

const KINDS = [
  ["http", "requests"],
  ["connections", "connections"],
] as const;

/** By kind of its rules: whether they hold, or which VirtualService's hold instead. */
function whoHolds(routing: Routing, rivals: readonly Routing[]): string {
  const own = KINDS.filter(([kind]) => routing.routes[kind] !== undefined).map(([kind, what]) => {
    const winner = rivals.find(({ routes }) => routes[kind] !== undefined) ?? routing;
    return { what, winner };
  });
  const lost = own.filter(({ winner }) => winner !== routing);
  if (lost.length === 0) {
    const alone = rivals.some(
      (other) => other !== routing && KINDS.some(([kind]) => both(routing, other, kind)),
    );
    const what = own.map((each) => each.what).join(" and ");
    return alone
      ? "this one holds: the oldest, then the first by namespace/name"
      : `this one holds for ${what}`;
  }
  const instead = lost.map(({ what, winner }) => {
    const { file, line } = winner.route.origin.position;
    const subject = `${subjectOf(winner.route.origin)} (${file}:${line}) holds`;
    return own.length === 1 ? `${subject}, and this one does nothing` : `${subject} for ${what}`;
  });
  return instead.join("; ");
}

function both(one: Routing, other: Routing, kind: (typeof KINDS)[number][0]): boolean {
  return one.routes[kind] !== undefined && other.routes[kind] !== undefined;
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
