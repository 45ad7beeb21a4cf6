import type { Mesh, PortProtocol, Service, ServicePort } from "../../model/mesh.ts";
import { compareText, visibleFrom } from "../../model/precedence/host.ts";
import type { Client } from "./client.ts";

/** How a service port's bytes are treated. */
export type Carriage = "http" | "tcp" | "sniffed";

/**
 * HTTP/2 is not spoken yet: `http2` and `grpc` ports are carried as TCP (`validate.ts` says so),
 * and so is what is encrypted by the client itself.
 */
const CARRIAGE: Readonly<Record<PortProtocol, Carriage | undefined>> = {
  http: "http",
  auto: "sniffed",
  http2: "tcp",
  grpc: "tcp",
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

/** What the client sees, in a stable order; of two services of one host the first one holds. */
export function visibleServices(mesh: Mesh, client: Client): readonly Service[] {
  const byHost = new Map<string, Service>();
  for (const service of [...mesh.services].sort(byHostThenNamespace)) {
    if (!isVisible(service, client)) continue;
    const known = byHost.get(service.host);
    if (known === undefined || ownHolds(known, service, client)) byHost.set(service.host, service);
  }
  return [...byHost.values()];
}

export function portsOf(services: readonly Service[]): readonly ServiceAt[] {
  return services.flatMap((service) =>
    service.ports.flatMap((port) => {
      const carriage = carriageOf(port);
      return carriage === undefined ? [] : [{ service, port, carriage }];
    }),
  );
}

/** A ServiceEntry of the client's own namespace holds before one of another namespace. */
function ownHolds(known: Service, other: Service, client: Client): boolean {
  return known.namespace !== client.namespace && other.namespace === client.namespace;
}

function isVisible(service: Service, { namespace }: Client): boolean {
  return service.namespace === namespace || visibleFrom(namespace, service.exportTo);
}

function byHostThenNamespace(left: Service, right: Service): number {
  return compareText(left.host, right.host) || compareText(left.namespace, right.namespace);
}
