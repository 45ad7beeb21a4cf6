import type { Mesh, PortProtocol, Service, ServicePort } from "../../model/mesh.ts";
import { compareText, visibleFrom } from "../../model/precedence/host.ts";
import type { Client } from "./client.ts";

/** How a service port's bytes are treated. */
export type Carriage = "http" | "tcp" | "sniffed";

/** What is encrypted by the client itself is carried as TCP. */
const CARRIAGE: Readonly<Record<PortProtocol, Carriage | undefined>> = {
  http: "http",
  auto: "sniffed",
  http2: "http",
  grpc: "http",
  grpcWeb: "http",
  https: "tcp",
  tls: "tcp",
  tcp: "tcp",
  udp: undefined,
};

/** One port of a visible service. */
export interface ServiceAt {
  readonly service: Service;
  readonly port: ServicePort;
  readonly carriage: Carriage;
}

/** Undefined for ports that a sidecar does not carry. */
export function carriageOf(port: ServicePort): Carriage | undefined {
  return CARRIAGE[port.protocol];
}

/** Whether a port's calls have answers that a circuit can judge. */
export function isJudged(port: ServicePort): boolean {
  const carriage = carriageOf(port);
  return carriage !== undefined && carriage !== "tcp";
}

/**
 * What the client sees, in a stable order. Of services of one host the client's own namespace
 * holds, else the first one that has some; inside a namespace, as Istio merges them, each port is
 * the first service's that has it. `service-losers.ts` reports what is lost.
 */
export function visibleServices(mesh: Mesh, client: Client): readonly Service[] {
  const visible = mesh.services.filter((service) => isVisible(service, client));
  const byHost = Map.groupBy(visible.toSorted(byHostThenNamespace), ({ host }) => host);
  return [...byHost.values()].flatMap((services) => {
    const isOwn = services.some(({ namespace }) => namespace === client.namespace);
    const holder = isOwn ? client.namespace : services[0]?.namespace;
    return mergePorts(services.filter(({ namespace }) => namespace === holder));
  });
}

/** Each with the ports that none before it has; the usual case is one service. */
function mergePorts(services: readonly Service[]): readonly Service[] {
  if (services.length < 2) return services;
  const taken = new Set<number>();
  return services.flatMap((service) => {
    const ports = service.ports.filter(({ port }) => !taken.has(port));
    for (const { port } of ports) taken.add(port);
    if (ports.length === 0) return [];
    return [ports.length === service.ports.length ? service : { ...service, ports }];
  });
}

export function portsOf(services: readonly Service[]): readonly ServiceAt[] {
  return services.flatMap((service) =>
    service.ports.flatMap((port) => {
      const carriage = carriageOf(port);
      return carriage === undefined ? [] : [{ service, port, carriage }];
    }),
  );
}

function isVisible(service: Service, { namespace }: Client): boolean {
  return service.namespace === namespace || visibleFrom(namespace, service.exportTo);
}

function byHostThenNamespace(left: Service, right: Service): number {
  return compareText(left.host, right.host) || compareText(left.namespace, right.namespace);
}
