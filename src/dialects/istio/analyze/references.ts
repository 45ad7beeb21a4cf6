import type { DestinationPolicy } from "../../../model/destination-policy.ts";
import type { Service } from "../../../model/mesh.ts";
import { hostsOverlap, isAddress, resolveHost, wildcardDomainError } from "../host.ts";
import type { Spec } from "../spec.ts";
import type { HostIndex } from "./host-index.ts";

/** What VirtualServices and DestinationRules may refer to. */
export interface Registry {
  readonly services: HostIndex<Service>;
  readonly destinationPolicies: HostIndex<DestinationPolicy>;
}

/**
 * IST0101 and IST0112. Istio's control plane accepts such rules, and requests by them get 503
 * until what is missing turns up; so these are warnings, and the mesh runs.
 */
export function reportReferences(virtualService: Spec, registry: Registry): void {
  for (const destination of destinationsOf(virtualService)) {
    const written = destination.at("host").text() ?? "";
    if (written === "" || written === "*") continue;
    const { namespace, clusterDomain } = destination;
    const host = resolveHost(written, namespace, clusterDomain);
    const [service] = registry.services.covering(host);
    if (service === undefined) reportHost(destination.at("host"), written, registry);
    else reportPort(destination, service, written);
    reportSubset(destination, host, written, registry);
  }
}

/**
 * A host of the VirtualService that no service has: its rules for requests hold on port 80 alone,
 * and those for connections nowhere, as only services have listeners for connections. Names that
 * only look like a service's of this mesh are most likely another name than was meant.
 */
export function reportOwnHosts(virtualService: Spec, registry: Registry): void {
  const has = (kind: string) => virtualService.at(kind).items().length > 0;
  const hasRequests = has("http");
  const whose = has("tls") || has("tcp") ? "its `http` rules" : "these rules";
  const consequence = hasRequests
    ? `${whose} hold for port 80 alone`
    : "these rules hold for no connection";
  for (const node of virtualService.at("hosts").items()) {
    const written = node.text() ?? "";
    const { namespace, clusterDomain } = node;
    const host = resolveHost(written, namespace, clusterDomain);
    const { services } = registry;
    if (written.includes("*") || isAddress(written)) continue;
    if (wildcardDomainError(written) !== undefined || services.covering(host).length > 0) continue;
    const meant = serviceMeant(written, registry);
    const isOfMesh = meant !== undefined || host.endsWith(`.svc.${clusterDomain}`);
    node.report(
      isOfMesh || !hasRequests ? "warning" : "info",
      "OUT0305",
      `No service has the host "${host}", so ${consequence}`,
      { hint: meant === undefined ? undefined : `did you mean \`${meant.host}\`?` },
    );
  }
}

/** `reviews`, `reviews.shop`: a name that is only short in the namespace of its service. */
function serviceMeant(written: string, registry: Pick<Registry, "services">): Service | undefined {
  return registry.services.all.find(({ host }) => host.startsWith(`${written}.`));
}

function destinationsOf(virtualService: Spec): Spec[] {
  const rules = ["http", "tls", "tcp"].flatMap((kind) => virtualService.at(kind).items());
  return rules.flatMap((rule) => [
    ...rule
      .at("route")
      .items()
      .map((item) => item.at("destination")),
    ...[rule.at("mirror")].filter((mirror) => mirror.present),
    ...rule
      .at("mirrors")
      .items()
      .map((item) => item.at("destination")),
  ]);
}

function reportHost(node: Spec, written: string, registry: Registry): void {
  const meant = serviceMeant(written, registry);
  const hint = meant === undefined ? undefined : `did you mean \`${meant.host}\`?`;
  node.report("warning", "IST0101", `Referenced host not found: "${written}"`, { hint });
}

function reportSubset(destination: Spec, host: string, written: string, registry: Registry): void {
  const subset = destination.at("subset").text() ?? "";
  if (subset === "") return;
  const policies = registry.destinationPolicies.covering(host);
  const names = policies.flatMap((policy) => policy.subsets.map(({ name }) => name));
  if (names.includes(subset)) return;
  destination
    .at("subset")
    .report(
      "warning",
      "IST0101",
      `Referenced host+subset in destinationrule not found: "${written}+${subset}"`,
      {
        allowed: names.length === 0 ? undefined : [...new Set(names)].join(", "),
        hint: "requests to it get 503 until a DestinationRule has the subset",
      },
    );
}

function reportPort(destination: Spec, service: Service, written: string): void {
  if (destination.at("port").present || service.ports.length < 2) return;
  const ports = service.ports.map(({ port }) => port).join(" ");
  destination.report(
    "warning",
    "IST0112",
    `This VirtualService routes to a service "${written}" that exposes multiple ports ` +
      `[${ports}]. Specifying a port in the destination is required to disambiguate.`,
    { hint: "without one, requests go to the port that the client addressed" },
  );
}

/** IST0174. */
export function reportUnknownHost(
  rule: Spec,
  policy: DestinationPolicy,
  { services }: Pick<Registry, "services">,
): void {
  const { host } = policy;
  const known = host.startsWith("*")
    ? services.all.some((service) => hostsOverlap(service.host, host))
    : services.covering(host).length > 0;
  if (known) return;
  const node = rule.at("host");
  const written = node.text() ?? "";
  const meant = serviceMeant(written, { services });
  node.report(
    "warning",
    "IST0174",
    `The host ${written} defined in the DestinationRule does not match any services in the mesh.`,
    { hint: meant === undefined ? undefined : `did you mean \`${meant.host}\`?` },
  );
}
