import { NO_FILTER_CONFIGS } from "../../../model/filter/filter-configs.ts";
import type { Backend } from "../../../model/http-route-set.ts";
import type { Service } from "../../../model/mesh.ts";
import {
  type RouteDecision,
  type RouteTarget,
  routeSetsFor,
} from "../../../model/precedence/route.ts";
import { trafficOf } from "../../../model/precedence/service-traffic.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../../../model/route.ts";
import { NO_MUTATIONS } from "../../../model/route.ts";
import { EXPLICIT_ROUTES, hostForms, outboundClusterName, PASSTHROUGH_CLUSTER } from "../names.ts";
import { circuitOfRule } from "../resilience/circuits.ts";
import {
  defaultRoute,
  forward,
  matchesAll,
  plainRoute,
  routesOf,
  serviceRoute,
  whole,
} from "../route/rules.ts";
import type { ServiceAt } from "../service-view.ts";
import { namedPods } from "./named-pods.ts";
import { backendCluster, type Outlook } from "./outlook.ts";
import { hostsWithoutService } from "./policies.ts";

/** HTTP without a service, as a VirtualService for an outside host, is served on port 80. */
const HTTP_PORT = 80;

/** `80`: every host that is addressed on this port, as Istio names it. */
export function portRoutes(outlook: Outlook, port: number): RouteConfiguration {
  const here = outlook.services.filter(
    (at) => at.port.port === port && (at.carriage === "http" || at.carriage === "sniffed"),
  );
  const hosts = [
    ...here.flatMap((at) => podHosts(outlook, at)),
    ...here.map((at) => serviceHost(outlook, at)),
    ...(port === HTTP_PORT ? orphanHosts(outlook) : []),
    unknownHost(outlook),
  ];
  return configuration(String(port), distinctDomains(hosts), true);
}

/** `reviews.default.svc.cluster.local:9080`: the address alone says which service is meant. */
export function sniffedRoutes(outlook: Outlook, at: ServiceAt): RouteConfiguration {
  const host = serviceHost(outlook, at);
  return configuration(host.name, [{ ...host, domains: ["*"] }], true);
}

/** `http_proxy`: every host and port of the mesh. */
export function explicitRoutes(outlook: Outlook): RouteConfiguration {
  const hosts = outlook.services.flatMap((at) =>
    [...podHosts(outlook, at), explicitHost(outlook, at)].map((host) =>
      withPort(host, at.port.port),
    ),
  );
  const orphans = orphanHosts(outlook).map((host) => withPort(host, HTTP_PORT));
  const all = distinctDomains([...hosts, ...orphans, unknownHost(outlook)]);
  return configuration(EXPLICIT_ROUTES, all, false);
}

function serviceHost(outlook: Outlook, at: ServiceAt): VirtualHost {
  const { service, port } = at;
  const { client, mesh } = outlook;
  const decision = routeSetsFor(mesh, client, service, port.port);
  const itself = outboundClusterName(port.port, "", service.host);
  const routes =
    decision === undefined
      ? [serviceRoute(itself, service)]
      : decidedRoutes(outlook, decision, port.port, itself, service);
  const domains = hostForms(service, client.namespace, mesh.settings.clusterDomain);
  return virtualHost(`${service.host}:${port.port}`, domains, routes);
}

/** Pods with names of their own; rules that hold for the service hold for them as they are. */
function podHosts(outlook: Outlook, at: ServiceAt): readonly VirtualHost[] {
  const { service, port } = at;
  const { mesh, client } = outlook;
  const isRuled = routeSetsFor(mesh, client, service, port.port) !== undefined;
  if (isRuled && at.carriage !== "tcp") return [];
  return namedPods(outlook, at).map(({ domains, cluster, pod }) =>
    virtualHost(`${pod.name}.${service.host}:${port.port}`, domains, [
      defaultRoute(cluster, service.origin),
    ]),
  );
}

/** A request for a port that is carried as TCP goes to the service, and no rules hold for it. */
function explicitHost(outlook: Outlook, at: ServiceAt): VirtualHost {
  const host = serviceHost(outlook, at);
  const { service, port } = at;
  if (at.carriage !== "tcp") return host;
  const itself = outboundClusterName(port.port, "", service.host);
  return { ...host, routes: [defaultRoute(itself, service.origin)] };
}

/** Hosts that only a route set knows; their requests go where its rules say. */
function orphanHosts(outlook: Outlook): readonly VirtualHost[] {
  const { mesh, client, byHost } = outlook;
  return hostsWithoutService(mesh, client, byHost).flatMap((host) => {
    const target: RouteTarget = { host, namespace: client.namespace };
    const decision = routeSetsFor(mesh, client, target, HTTP_PORT);
    if (decision === undefined) return [];
    const routes = decidedRoutes(outlook, decision, HTTP_PORT, undefined, undefined);
    return [virtualHost(`${host}:${HTTP_PORT}`, [host], routes)];
  });
}

/** A service takes what its routing leaves over, where the dialect says so. */
function decidedRoutes(
  outlook: Outlook,
  decision: RouteDecision,
  port: number,
  itself: string | undefined,
  service: Service | undefined,
): readonly Route[] {
  const routes = routesOf(decision, {
    client: outlook.client,
    port,
    traffic: service && trafficOf(service, decision),
    clusterOf: (backend: Backend) => backendCluster(outlook, backend, port),
    circuitOf: (rule) => circuitOfRule(outlook, rule, port),
  });
  const last = routes.at(-1);
  const isOpen = last === undefined || !matchesAll(last.match);
  const openEnded = decision.unmatched === "service" && itself !== undefined && isOpen;
  return openEnded ? [...routes, defaultRoute(itself, service?.origin)] : routes;
}

/** Istio's `allow_any` and `block_all`. */
function unknownHost(outlook: Outlook): VirtualHost {
  if (outlook.unknownHosts === "registryOnly") {
    const refuse = plainRoute("block_all", { kind: "directResponse", status: 502, body: "" });
    return virtualHost("block_all", ["*"], [refuse]);
  }
  const pass = plainRoute("allow_any", forward([whole(PASSTHROUGH_CLUSTER)]));
  return virtualHost("allow_any", ["*"], [pass]);
}

function withPort(host: VirtualHost, port: number): VirtualHost {
  const withPorts = host.domains.map((domain) => `${domain}:${port}`);
  const domains = port === HTTP_PORT ? [...withPorts, ...host.domains] : withPorts;
  return { ...host, domains };
}

/** Envoy refuses a domain that stands twice: the first host keeps it. */
function distinctDomains(hosts: readonly VirtualHost[]): readonly VirtualHost[] {
  const seen = new Set<string>();
  return hosts.flatMap((host) => {
    const domains = host.domains.filter((domain) => {
      const key = domain.toLowerCase();
      return !seen.has(key) && seen.add(key);
    });
    return domains.length === 0 ? [] : [{ ...host, domains }];
  });
}

function virtualHost(
  name: string,
  domains: readonly string[],
  routes: readonly Route[],
): VirtualHost {
  return {
    name,
    domains,
    routes,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    retryPolicy: undefined,
    includeRequestAttemptCount: true,
    includeAttemptCountInResponse: false,
    filterConfigs: NO_FILTER_CONFIGS,
  };
}

function configuration(
  name: string,
  virtualHosts: readonly VirtualHost[],
  ignorePortInHostMatching: boolean,
): RouteConfiguration {
  return {
    name,
    virtualHosts,
    ignorePortInHostMatching,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    maxDirectResponseBodyBytes: 1_048_576,
    filterConfigs: NO_FILTER_CONFIGS,
  };
}
