import type { Resolution, ServicePort, StaticEndpoint } from "../../../model/mesh.ts";
import { fqdnError, wildcardDomainError } from "../host.ts";
import type { Spec } from "../spec.ts";
import { checkWorkload, readWorkload } from "./workload-entry.ts";

/** Where the requests go: what is listed, or the name itself where DNS is asked. */
export function readEndpoints(spec: Spec, resolution: Resolution, host: string): StaticEndpoint[] {
  if (resolution === "none") return [];
  const listed = spec
    .at("endpoints")
    .items()
    .flatMap((node) => readWorkload(node) ?? []);
  const byName = resolution === "dns" || resolution === "dnsRoundRobin";
  if (spec.at("endpoints").items().length > 0 || !byName) return listed;
  return [{ address: host, ports: {}, labels: {}, weight: 1, serviceAccount: "" }];
}

export function checkEndpoints(
  spec: Spec,
  resolution: Resolution,
  ports: readonly ServicePort[],
): void {
  const endpoints = spec.at("endpoints");
  const nodes = endpoints.items();
  if (resolution === "none") {
    if (endpoints.present) {
      endpoints.refuse(
        "no endpoints should be provided for resolution type none: " +
          "NONE mode cannot set endpoints",
        "resolution: STATIC or DNS",
      );
    }
    return;
  }
  if (resolution === "dnsRoundRobin" && nodes.length > 1) {
    endpoints.refuse(
      "there must only be 0 or 1 endpoint for resolution mode DNS_ROUND_ROBIN: " +
        "DNS_ROUND_ROBIN mode cannot have multiple endpoints",
    );
  }
  if (resolution !== "static" && nodes.length === 0) {
    checkDnsHosts(spec, spec.at("resolution").text() ?? "");
  }
  for (const node of nodes) {
    const names = ports.map((port) => port.name);
    checkWorkload(node, { servicePorts: names, namesAllowed: resolution !== "static" });
    if (resolution !== "static") checkName(node.at("address"));
  }
}

function checkName(address: Spec): void {
  const text = address.text() ?? "";
  if (!text.startsWith("unix://")) return;
  address.refuse(`endpoint address "${text}" is not a valid FQDN or an IP address`);
}

/** Hosts that DNS shall resolve must be names; said once for each host. */
function checkDnsHosts(spec: Spec, word: string): void {
  for (const node of spec.at("hosts").items()) {
    const host = node.text() ?? "";
    const said = host === "*" || wildcardDomainError(host) !== undefined;
    if (!said && fqdnError(host) !== undefined) {
      node.refuse(`hosts must be FQDN if no endpoints are provided for resolution mode ${word}`);
    }
  }
}
