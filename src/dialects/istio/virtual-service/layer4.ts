import type {
  ConnectionBackend,
  ConnectionMatch,
  ConnectionRule,
} from "../../../model/connection-route-set.ts";
import { hostIsWithin, isAddress, subnetError, wildcardDomainError } from "../host.ts";
import type { Spec } from "../spec.ts";
import { labelError, portError } from "../text-rules.ts";
import { checkWeights, readDestination } from "./destination.ts";
import { MESH } from "./match.ts";

/** `tls` and `tcp` of a VirtualService, TLS first; `hosts` as they are written. */
export function readConnectionRules(spec: Spec, hosts: readonly string[]): ConnectionRule[] {
  const tls = spec.at("tls").items();
  const tcp = spec.at("tcp").items();
  for (const route of tls) checkTlsRoute(route, hosts);
  for (const route of tcp) checkTcpRoute(route);
  return [
    ...tls.flatMap((route) => readRule("tls", route)),
    ...tcp.flatMap((route) => readRule("tcp", route)),
  ];
}

/** None where all of its matches are of gateways: without any it would match everything. */
function readRule(layer: ConnectionRule["layer"], route: Spec): ConnectionRule[] {
  const written = route.at("match").items();
  const matches = written.filter(isOfMesh).map(readMatch);
  const backends = route.at("route").items().map(readBackend);
  if (written.length > 0 && matches.length === 0) return [];
  return [{ layer, matches, backends, origin: route.origin() }];
}

/** A match may name gateways of its own, as for HTTP. */
function isOfMesh(match: Spec): boolean {
  const gateways = match.at("gateways").texts();
  return gateways.length === 0 || gateways.includes(MESH);
}

function readMatch(match: Spec): ConnectionMatch {
  const port = match.at("port").count() ?? 0;
  const sourceNamespace = match.at("sourceNamespace").text() ?? "";
  return {
    sniHosts: match.at("sniHosts").texts(),
    destinationSubnets: match.at("destinationSubnets").texts(),
    port: port === 0 ? undefined : port,
    sourceLabels: match.at("sourceLabels").labels(),
    sourceNamespace: sourceNamespace === "" ? undefined : sourceNamespace,
    origin: match.origin(),
  };
}

function readBackend(item: Spec): ConnectionBackend {
  return {
    ...readDestination(item.at("destination")),
    weight: Math.max(0, item.at("weight").integer() ?? 0),
    origin: item.origin(),
  };
}

function checkTlsRoute(route: Spec, hosts: readonly string[]): void {
  const matches = route.at("match").items();
  if (matches.length === 0) route.refuse("TLS route must have at least one match condition");
  for (const match of matches) {
    const sniHosts = match.at("sniHosts").items();
    if (sniHosts.length === 0) match.refuse("TLS match must have at least one SNI host");
    for (const sniHost of sniHosts) checkSniHost(sniHost, hosts);
    checkLayer4Match(match);
  }
  checkDestinations(route, "TLS route is required");
}

function checkSniHost(sniHost: Spec, hosts: readonly string[]): void {
  const name = sniHost.text() ?? "";
  if (isAddress(name)) {
    sniHost.doubt(
      `using an IP address ("${name}") goes against SNI spec and most clients do not support this`,
    );
    return;
  }
  const error = wildcardDomainError(name);
  if (error !== undefined) {
    sniHost.refuse(error);
  } else if (!hosts.some((host) => hostIsWithin(name, host))) {
    sniHost.refuse(
      `SNI host "${name}" is not a compatible subset of any of the virtual service hosts: ` +
        `[${hosts.join(", ")}]`,
    );
  }
}

function checkTcpRoute(route: Spec): void {
  for (const match of route.at("match").items()) checkLayer4Match(match);
  checkDestinations(route, "TCP route is required");
}

function checkLayer4Match(match: Spec): void {
  for (const subnet of match.at("destinationSubnets").items()) {
    subnet.refuse(subnetError(subnet.text() ?? ""), "an address, or a range as 10.0.0.0/8");
  }
  const port = match.at("port").count() ?? 0;
  if (port !== 0) match.at("port").refuse(portError(port));
  for (const [key, value] of match.at("sourceLabels").entries()) {
    value.refuse(labelError(key, value.text() ?? ""));
  }
}

function checkDestinations(route: Spec, missing: string): void {
  const destinations = route.at("route").items();
  if (destinations.length === 0) route.refuse(missing);
  checkWeights(route.at("route"));
}
