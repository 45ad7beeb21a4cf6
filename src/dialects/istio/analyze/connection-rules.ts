import type { PortProtocol, Service } from "../../../model/mesh.ts";
import { hostIsWithin, resolveHost } from "../host.ts";
import type { Spec } from "../spec.ts";
import type { Registry } from "./references.ts";

/** Connections there are routed by their requests, or carry none. */
const WITHOUT_CONNECTIONS: ReadonlySet<PortProtocol> = new Set([
  "http",
  "http2",
  "grpc",
  "grpcWeb",
  "udp",
]);

/**
 * OUT0307: rules of `tls` and `tcp` that no port of their services can have a connection for.
 * Hosts that no service has are another finding's.
 */
export function reportIdleRules(virtualService: Spec, { services }: Registry): void {
  const { namespace, clusterDomain } = virtualService;
  const written = virtualService.at("hosts").texts();
  const hosts = written.map((host) => resolveHost(host, namespace, clusterDomain));
  const covered = hosts.flatMap((host) => servicesOf(host, services));
  if (covered.length === 0) return;
  for (const kind of ["tls", "tcp"]) {
    for (const rule of virtualService.at(kind).items()) reportIfIdle(rule, covered);
  }
}

function servicesOf(host: string, services: Registry["services"]): readonly Service[] {
  if (!host.includes("*")) return services.covering(host);
  return services.all.filter((service) => hostIsWithin(service.host, host));
}

function reportIfIdle(rule: Spec, services: readonly Service[]): void {
  const wanted = new Set(
    rule
      .at("match")
      .items()
      .map((match) => match.at("port").count() ?? 0),
  );
  const isWanted = (port: number) => wanted.size === 0 || wanted.has(0) || wanted.has(port);
  const ports = services.flatMap((service) => service.ports).filter(({ port }) => isWanted(port));
  if (ports.some(({ protocol }) => !WITHOUT_CONNECTIONS.has(protocol))) return;
  const [port] = ports;
  const why =
    port === undefined
      ? `${services[0]?.host ?? ""} has no port ${[...wanted].join(", ")}`
      : `port ${port.port} carries ${port.protocol}`;
  rule.report("warning", "OUT0307", `This rule holds for no connection: ${why}`, {
    hint:
      port === undefined
        ? undefined
        : "`http` routes requests; these are for ports called tcp, tls or https, or nothing",
  });
}
