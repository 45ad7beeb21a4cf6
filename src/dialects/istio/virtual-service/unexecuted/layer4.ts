import { hostIsWithin, isAddress, subnetError, wildcardDomainError } from "../../host.ts";
import type { Spec } from "../../spec.ts";
import { labelError, portError } from "../../text-rules.ts";
import { checkWeights, readDestination } from "../destination.ts";

/** Istio's rules for `tls` and `tcp`, which nobody executes here yet. */

export function checkTlsRoute(route: Spec, hosts: readonly string[]): void {
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

export function checkTcpRoute(route: Spec): void {
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
  for (const item of destinations) readDestination(item.at("destination"));
  checkWeights(route.at("route"));
}
