import { SnapshotStore, type World } from "../../control/snapshot.ts";
import type { Endpoint } from "../../model/endpoint.ts";
import type { Pod } from "../../model/mesh.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import type { Route, RouteConfiguration, VirtualHost, WeightedCluster } from "../../model/route.ts";
import { type DescribedHead, findDescribed } from "../../proxy/route/search/described-request.ts";
import type { Destination } from "../authz/destination.ts";
import type { AskedRequest, Question } from "../authz/question.ts";

/** One cluster that a route sends to. */
export interface Leg {
  readonly cluster: string;
  /** Of the sum of all. */
  readonly share: number;
  /** Its own; the route's counts where that has one. */
  readonly circuit: CircuitBreaker | undefined;
  /** Its pods, each with the port that it is reached at. */
  readonly destinations: readonly Destination[];
}

/** Where the client's own sidecar sends a request. */
export interface Routing {
  readonly virtualHost: string;
  readonly route: Route;
  /** None where the route answers by itself. */
  readonly legs: readonly Leg[];
}

/** Those of the client's sidecar in explicit mode: they hold every host of the mesh. */
const ROUTES = "http_proxy";
/** An address that nobody has. */
const CLIENT = "203.0.113.1";

/** A text says why the request goes nowhere. */
export function routingOf(world: World, question: Question): Routing | string {
  const { request } = question;
  if (request === undefined) return "only requests have routes";
  const snapshots = new SnapshotStore();
  snapshots.setWorld(world);
  const namespace = question.caller?.namespace ?? "default";
  const snapshot = snapshots.snapshotFor({
    id: `sidecar~${CLIENT}~caller.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `caller.${namespace}`,
    metadata: {
      NAME: "caller",
      NAMESPACE: namespace,
      LABELS: labelsOf(world, question),
      INTERCEPTION_MODE: "NONE",
      OUTRIGGER: { identity: question.caller !== undefined },
    },
    userAgentName: "outrigger",
  });
  const config = snapshot?.routes.find(({ name }) => name === ROUTES);
  if (snapshot === undefined || config === undefined) return "the client's sidecar has no routes";
  const head = headOf(question, request);
  const host = virtualHostOf(config, head.authority);
  if (host === undefined) return `no virtual host has the name ${head.authority}: 404`;
  const route = findDescribed(host.routes, head);
  if (route === undefined) return `no route of ${host.name} matches: 404`;
  const { action } = route;
  const clusters = action.kind === "forward" ? action.clusters : [];
  const sum = clusters.reduce((total, { weight }) => total + weight, 0);
  const endpoints = new Map(
    snapshot.endpoints.map(({ clusterName, localities }) => [
      clusterName,
      localities.flatMap((locality) => locality.endpoints),
    ]),
  );
  const circuits = new Map(snapshot.clusters.map(({ circuit, name }) => [name, circuit]));
  const legs = clusters.map((cluster) => ({
    cluster: cluster.cluster,
    circuit: circuits.get(cluster.cluster),
    share: sum === 0 ? 0 : cluster.weight / sum,
    destinations: destinationsOf(world, cluster, endpoints.get(cluster.cluster) ?? []),
  }));
  return { virtualHost: host.name, route, legs };
}

/** Of a pod that runs as the caller: rules of VirtualServices may ask for them. */
function labelsOf({ pods }: World, { caller }: Question): Pod["labels"] {
  const own = pods.find(
    ({ namespace, serviceAccount }) =>
      namespace === caller?.namespace && serviceAccount === caller.serviceAccount,
  );
  return own?.labels ?? {};
}

function headOf({ port, service }: Question, request: AskedRequest): DescribedHead {
  const given = request.headers.find(([name]) => name === "host");
  const host = port === undefined || port === 80 ? service : `${service}:${port}`;
  return {
    method: request.method,
    authority: given?.[1] ?? host,
    path: request.path,
    headers: request.headers.filter((header) => header !== given),
  };
}

/** Exact, then the longest `*.suffix`, then `*` (Envoy: RouteMatcher::findVirtualHost). */
function virtualHostOf(config: RouteConfiguration, authority: string): VirtualHost | undefined {
  const wanted = authority.toLowerCase();
  const domains = config.virtualHosts.flatMap((host) =>
    host.domains.map((domain) => ({ host, domain: domain.toLowerCase() })),
  );
  const matching = domains.filter(
    ({ domain }) =>
      domain === wanted || (domain.startsWith("*") && wanted.endsWith(domain.slice(1))),
  );
  const best = matching.toSorted(
    (left, right) =>
      Number(right.domain === wanted) - Number(left.domain === wanted) ||
      right.domain.length - left.domain.length,
  );
  return best[0]?.host;
}

/** `outbound|9080|v1|reviews.shop.svc.cluster.local`. */
function destinationsOf(
  { mesh, pods }: World,
  { cluster }: WeightedCluster,
  endpoints: readonly Endpoint[],
): readonly Destination[] {
  const [, port, , host] = cluster.split("|");
  const service = mesh.services.find((each) => each.host === host);
  const servicePort = service?.ports.find((each) => String(each.port) === port);
  if (service === undefined || servicePort === undefined) return [];
  return endpoints.flatMap(({ address }) => {
    if (address.kind !== "socket") return [];
    const pod = pods.find((each) => each.address === address.host);
    return pod === undefined ? [] : [{ service, servicePort, pod, port: address.port }];
  });
}
