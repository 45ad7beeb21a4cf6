import type { ConnectionPoolSettings } from "../../../model/destination-policy.ts";
import type { Backend } from "../../../model/http-route-set.ts";
import type { Mesh, OutboundTrafficPolicy, Pod, Service } from "../../../model/mesh.ts";
import { type Client, outboundTrafficPolicyFor } from "../client.ts";
import { outboundClusterName } from "../names.ts";
import { portsOf, type ServiceAt, visibleServices } from "../service-view.ts";
import { clientPolicies, type HostPolicy } from "./policies.ts";

/** The mesh as one client sees it. */
export interface Outlook {
  readonly mesh: Mesh;
  readonly pods: readonly Pod[];
  readonly client: Client;
  readonly services: readonly ServiceAt[];
  /** Several services of one host have different ports of it. */
  readonly byHost: ReadonlyMap<string, readonly Service[]>;
  readonly unknownHosts: OutboundTrafficPolicy;
  policyOf(service: Service): HostPolicy;
}

export function lookOut(mesh: Mesh, pods: readonly Pod[], client: Client): Outlook {
  const services = visibleServices(mesh, client);
  return {
    mesh,
    pods,
    client,
    services: portsOf(services),
    byHost: Map.groupBy(services, ({ host }) => host),
    unknownHosts: outboundTrafficPolicyFor(mesh, client),
    policyOf: clientPolicies(mesh, client),
  };
}

/**
 * The cluster that a backend means to someone who addressed `port`: the backend's own port, else
 * the service's only one, else the addressed one (Istio: `Destination.port`).
 */
export function backendCluster(
  outlook: Outlook,
  backend: Pick<Backend, "host" | "port" | "subset">,
  port: number,
): string {
  return outboundClusterName(backendPort(outlook, backend, port), backend.subset, backend.host);
}

/** Where the backend names none, the only one that its service has, else the one addressed. */
function backendPort(
  outlook: Outlook,
  backend: Pick<Backend, "host" | "port">,
  port: number,
): number {
  const ports = (outlook.byHost.get(backend.host) ?? []).flatMap((service) => service.ports);
  const only = ports.length === 1 ? ports[0]?.port : undefined;
  return backend.port ?? only ?? port;
}

/** What a DestinationRule says of connections to a backend. */
export function backendPool(
  outlook: Outlook,
  backend: Pick<Backend, "host" | "port" | "subset">,
  port: number,
): ConnectionPoolSettings | undefined {
  const service = outlook.byHost.get(backend.host)?.[0];
  if (service === undefined) return undefined;
  const policy = outlook.policyOf(service);
  return policy.blocksFor(backendPort(outlook, backend, port), backend.subset).connectionPool;
}

/** Clusters that backends mean, whether somebody declared them or not. */
export function backendClusters(outlook: Outlook): readonly string[] {
  const addressed = [...new Set([80, ...outlook.services.map((at) => at.port.port)])];
  const backends = outlook.mesh.routes.flatMap((set) =>
    set.rules.flatMap(({ action }) =>
      action.kind === "split" ? [...action.backends, ...action.mirrors] : [],
    ),
  );
  const ofConnections = outlook.mesh.connectionRoutes.flatMap(({ rules }) =>
    rules.flatMap((rule) => rule.backends),
  );
  return [...backends, ...ofConnections].flatMap((backend) =>
    addressed.map((port) => backendCluster(outlook, backend, port)),
  );
}
