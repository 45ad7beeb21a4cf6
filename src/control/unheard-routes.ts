import type { Diagnostic } from "../base/diagnostic.ts";
import type { HttpRouteSet } from "../model/http-route-set.ts";
import type { Mesh, Service } from "../model/mesh.ts";
import { subjectOf } from "../model/origin.ts";
import { carriageOf } from "./snapshot/service-view.ts";

/**
 * HTTP rules for a service none of whose ports is carried as HTTP: nobody looks for requests there
 * (OUT0306), and the author is told once a route set.
 */
export function unheardRoutes(mesh: Pick<Mesh, "routes" | "services">): readonly Diagnostic[] {
  const byHost = Map.groupBy(mesh.services, ({ host }) => host);
  return mesh.routes.flatMap((set) => {
    const unheard = set.hosts.find((host) => isUnheard(set, byHost.get(host) ?? []));
    return unheard === undefined ? [] : [finding(set, byHost.get(unheard) ?? [])];
  });
}

function isUnheard(set: HttpRouteSet, services: readonly Service[]): boolean {
  const ports = portsOf(set, services);
  return ports.length > 0 && ports.every((port) => carriageOf(port) === "tcp");
}

/** Those that the set speaks about and that a sidecar carries. */
function portsOf({ ports }: HttpRouteSet, services: readonly Service[]): Service["ports"] {
  return services
    .flatMap((service) => service.ports)
    .filter((each) => carriageOf(each) !== undefined && (ports?.includes(each.port) ?? true));
}

function finding(set: HttpRouteSet, services: readonly Service[]): Diagnostic {
  const ports = portsOf(set, services).map(({ port, protocol }) => `${port} ${protocol}`);
  const { position } = set.origin;
  return {
    code: "OUT0306",
    severity: "warning",
    message: `${services[0]?.host} is carried as TCP, so these HTTP rules do not hold for it`,
    position,
    subject: subjectOf(set.origin),
    found: ports.join(", "),
    allowed: "a port that speaks http, or that does not say what it speaks",
    hint: "name the Service's port http, or give it appProtocol: http",
  };
}
