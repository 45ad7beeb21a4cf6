import type { Diagnostic } from "../../base/diagnostic.ts";
import type { HttpRouteSet, HttpRule } from "../http-route-set.ts";
import type { Mesh, Service } from "../mesh.ts";
import { subjectOf } from "../origin.ts";
import { byAge, hostMatches, mostSpecificHost, visibleFrom } from "./host.ts";
import { mergeByMatch } from "./match-order.ts";
import type { Client } from "./policy.ts";

/** The routing that holds for one client, service and port. */
export interface RouteDecision {
  /** Several only where Gateway API routes are merged. */
  readonly sets: readonly HttpRouteSet[];
  /** In the order in which they are tried. */
  readonly rules: readonly HttpRule[];
  /** What a request gets that no rule matches. */
  readonly unmatched: HttpRouteSet["unmatched"];
}

export type RouteTarget = Pick<Service, "host" | "namespace">;

/**
 * Which routing holds (`docs/adr/0004`): consumer routes of the client's namespace, else an Istio
 * VirtualService (the most specific host, then the oldest), else a Linkerd ServiceProfile, else the
 * Gateway API routes merged, else an SMI TrafficSplit (the oldest). Undefined: none, requests go to
 * the service.
 */
export function routeSetsFor(
  mesh: Pick<Mesh, "routes">,
  client: Pick<Client, "namespace">,
  target: RouteTarget,
  port: number,
): RouteDecision | undefined {
  const seen = mesh.routes.filter(
    (set) => speaksOf(set, target.host, port) && reaches(set, client.namespace, target.namespace),
  );
  return decide(seen, target.host);
}

function speaksOf(set: HttpRouteSet, host: string, port: number | undefined): boolean {
  if (port !== undefined && set.ports !== undefined && !set.ports.includes(port)) return false;
  return set.hosts.some((pattern) => hostMatches(pattern, host));
}

/** A consumer's route is for its own namespace; a producer's for whom it is exported to. */
function reaches(set: HttpRouteSet, clientNamespace: string, home: string): boolean {
  if (!set.consumer) {
    return set.namespace === clientNamespace || visibleFrom(clientNamespace, set.exportTo);
  }
  return set.namespace === clientNamespace && set.namespace !== home;
}

function decide(sets: readonly HttpRouteSet[], host: string): RouteDecision | undefined {
  const consumers = sets.filter((set) => set.consumer);
  const ownProfile = firstOf(consumers, "linkerd", host);
  if (ownProfile !== undefined) return single(ownProfile);
  if (consumers.length > 0) return merged(consumers);
  const istio = firstOf(sets, "istio", host);
  if (istio !== undefined) return single(istio);
  const profile = firstOf(sets, "linkerd", host);
  if (profile !== undefined) return single(profile);
  const gateway = sets.filter((set) => set.dialect === "gateway-api");
  if (gateway.length > 0) return merged(gateway);
  const smi = firstOf(sets, "smi", host);
  return smi === undefined ? undefined : single(smi);
}

function firstOf(
  sets: readonly HttpRouteSet[],
  dialect: HttpRouteSet["dialect"],
  host: string,
): HttpRouteSet | undefined {
  const own = sets.filter((set) => set.dialect === dialect);
  const pattern = mostSpecificHost(
    own.flatMap((set) => set.hosts),
    host,
  );
  if (pattern === undefined) return undefined;
  return own.filter((set) => set.hosts.includes(pattern)).toSorted(byAge)[0];
}

function single(set: HttpRouteSet): RouteDecision {
  return { sets: [set], rules: set.rules, unmatched: set.unmatched };
}

/** The Gateway API rejects what no rule of any attached route matches. */
function merged(sets: readonly HttpRouteSet[]): RouteDecision {
  return { sets: sets.toSorted(byAge), rules: mergeByMatch(sets), unmatched: "notFound" };
}

/**
 * Route sets that lose a host to another, once for the mesh: a finding on each loser that names
 * the winner (OUT0301).
 */
export function routeLosers(mesh: Pick<Mesh, "routes" | "services">): Diagnostic[] {
  const losses = new Map<HttpRouteSet, Diagnostic>();
  const hosts = new Set([
    ...mesh.services.map((service) => service.host),
    ...mesh.routes.flatMap((set) => set.hosts),
  ]);
  for (const host of hosts) {
    const sets = mesh.routes.filter((set) => speaksOf(set, host, undefined));
    for (const loser of sets) {
      const winner = losses.has(loser) ? undefined : winnerOver(loser, sets, host);
      if (winner !== undefined) losses.set(loser, lossOf(loser, winner, host));
    }
  }
  return mesh.routes.flatMap((set) => losses.get(set) ?? []);
}

/** Who takes the host from it, for clients and ports that both speak about. */
function winnerOver(
  loser: HttpRouteSet,
  sets: readonly HttpRouteSet[],
  host: string,
): HttpRouteSet | undefined {
  const rivals = sets.filter((set) => set === loser || overlaps(set, loser));
  // A consumer's route takes over one namespace; for the others the loser still holds.
  const general = loser.consumer ? rivals : rivals.filter((set) => !set.consumer);
  const lost = (among: readonly HttpRouteSet[]) => {
    const winners = decide(among, host)?.sets ?? [];
    const [winner] = winners;
    if (winner === undefined || winners.includes(loser)) return undefined;
    // VirtualServices among themselves are Istio's own matter, and its dialect's: IST0109.
    const bothIstio = loser.dialect === "istio" && winner.dialect === "istio";
    return bothIstio ? undefined : winner;
  };
  return lost(general) ?? lost(rivals);
}

function overlaps(left: HttpRouteSet, right: HttpRouteSet): boolean {
  const ports =
    left.ports === undefined ||
    right.ports === undefined ||
    left.ports.some((port) => right.ports?.includes(port));
  const clients =
    left.exportTo.includes("*") ||
    right.exportTo.includes("*") ||
    left.exportTo.some((namespace) => right.exportTo.includes(namespace));
  return ports && clients;
}

function lossOf(loser: HttpRouteSet, winner: HttpRouteSet, host: string): Diagnostic {
  const { file, line } = winner.origin.position;
  const by = `${subjectOf(winner.origin)} (${file}:${line})`;
  const clients = winner.consumer ? ` for clients in ${winner.namespace}` : "";
  return {
    code: "OUT0301",
    severity: winner.consumer ? "info" : "warning",
    message: `${by} routes ${host}${clients}, so this does not`,
    position: loser.origin.position,
    subject: subjectOf(loser.origin),
    found: host,
    allowed: "one source of routing a host",
    hint: "remove one of the two",
  };
}
