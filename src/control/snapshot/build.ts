import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { PolicyBlocks } from "../../model/destination-policy.ts";
import type { Mesh, Pod } from "../../model/mesh.ts";
import { NO_BLOCKS } from "../../model/precedence/policy.ts";
import type { RouteConfiguration } from "../../model/route.ts";
import { hashedListeners, hashedRoutes } from "./balance/hash-policies.ts";
import type { Client } from "./client.ts";
import {
  explicitCluster,
  inboundPassthroughCluster,
  interceptedCluster,
} from "./inbound/clusters.ts";
import { inboundGuards } from "./inbound/guards.ts";
import { explicitInbound, virtualInbound } from "./inbound/listeners.ts";
import { type InboundPort, inboundPorts } from "./inbound/ports.ts";
import { asMeshAsks, asSettingsAsk } from "./mesh-wide.ts";
import { EXPLICIT_ROUTES } from "./names.ts";
import { outboundClusters } from "./outbound/clusters.ts";
import { explicitListeners, interceptListeners } from "./outbound/listeners.ts";
import { backendClusters, lookOut, type Outlook } from "./outbound/outlook.ts";
import { explicitRoutes, portRoutes, sniffedRoutes } from "./outbound/virtual-hosts.ts";
import { guarded } from "./policy/guard.ts";

export interface OutboundConfig extends ProxyConfig {
  /** Clusters that routes name though nobody declared them: requests for them get a 503. */
  readonly absent: ReadonlySet<string>;
}

/** What a client's proxy needs to reach the mesh. */
export function outboundConfig(mesh: Mesh, pods: readonly Pod[], client: Client): OutboundConfig {
  const outlook = lookOut(mesh, pods, client);
  const clusters = outboundClusters(outlook);
  const existing = new Set(clusters.map(({ cluster }) => cluster.name));
  const { explicitAddress } = client;
  const listeners =
    explicitAddress === undefined
      ? interceptListeners(outlook)
      : explicitListeners(outlook, explicitAddress);
  const hashPolicies = new Map(
    clusters.flatMap(({ cluster, hashPolicies: own }) =>
      own.length === 0 ? [] : [[cluster.name, own] as const],
    ),
  );
  const routes = askedFor(listeners).map((name) =>
    hashedRoutes(routesNamed(outlook, name), hashPolicies),
  );
  return {
    listeners: asMeshAsks(hashedListeners(listeners, hashPolicies), mesh, routes),
    routes,
    clusters: clusters.map(({ cluster }) => cluster),
    endpoints: clusters.flatMap(({ assignment }) => assignment ?? []),
    absent: new Set(backendClusters(outlook).filter((name) => !existing.has(name))),
  };
}

/** What a pod's proxy needs to serve the pod. */
export function inboundConfig(mesh: Mesh, pod: Pod, client: Client): ProxyConfig {
  const outlook = lookOut(mesh, [], client);
  const own = [...new Set(outlook.services.map(({ service }) => service))];
  const ports = inboundPorts(pod, own);
  const blocks = ({ service, servicePort }: InboundPort): PolicyBlocks =>
    service === undefined || servicePort === undefined
      ? NO_BLOCKS
      : outlook.policyOf(service).blocksFor(servicePort.port, "");
  const explicit = client.explicitAddress !== undefined;
  const detectionMs = mesh.settings.protocolDetectionTimeoutMs;
  const clusters: readonly Cluster[] = explicit
    ? ports.map((port) => explicitCluster(pod, port, blocks(port)))
    : [...ports.map((port) => interceptedCluster(port, blocks(port))), inboundPassthroughCluster()];
  const guards = inboundGuards(mesh, pod, client.hasIdentity);
  const open = explicit
    ? ports.map((port) => explicitInbound(pod, port, guards, detectionMs))
    : [virtualInbound(ports, guards, detectionMs)];
  const listeners = open.map((listener) => guarded(listener, mesh, pod));
  return {
    listeners: asSettingsAsk(listeners, mesh.settings),
    routes: [],
    clusters,
    endpoints: [],
  };
}

/** The route configurations that listeners name, each once. */
function askedFor(listeners: ProxyConfig["listeners"]): readonly string[] {
  const names = listeners.flatMap(({ filterChains }) =>
    filterChains.flatMap(({ filter }) =>
      filter.kind === "http" && filter.routes.kind === "rds" ? [filter.routes.name] : [],
    ),
  );
  return [...new Set(names)];
}

function routesNamed(outlook: Outlook, name: string): RouteConfiguration {
  if (name === EXPLICIT_ROUTES) return explicitRoutes(outlook);
  const at = outlook.services.find(({ service, port }) => `${service.host}:${port.port}` === name);
  return at === undefined ? portRoutes(outlook, Number(name)) : sniffedRoutes(outlook, at);
}
