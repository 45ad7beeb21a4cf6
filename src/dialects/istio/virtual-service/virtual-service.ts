import type { ConnectionRouteSet } from "../../../model/connection-route-set.ts";
import type { HttpRouteSet } from "../../../model/http-route-set.ts";
import { readExportTo } from "../export-to.ts";
import { hostsOverlap, isAddress, isLabel, resolveHost, wildcardDomainError } from "../host.ts";
import type { Spec } from "../spec.ts";
import { readHttpRules } from "./http-rule.ts";
import { readConnectionRules } from "./layer4.ts";
import { MESH, refuseClaims } from "./match.ts";
import { checkDelegation } from "./unexecuted/delegate.ts";
import { reportUnreachable } from "./unreachable.ts";

/** What sidecars route by; undefined: nothing of that kind. */
export interface VirtualServiceRoutes {
  readonly http: HttpRouteSet | undefined;
  readonly connections: ConnectionRouteSet | undefined;
}

const NO_ROUTES: VirtualServiceRoutes = { http: undefined, connections: undefined };

/**
 * A VirtualService as route sets; none where no sidecar would route by it: it is bound to gateways
 * alone, or is a delegate.
 */
export function readVirtualService(spec: Spec): VirtualServiceRoutes {
  const hosts = readHosts(spec);
  const onMesh = readGateways(spec.at("gateways"));
  const rules = spec.at("http").items();
  const exportTo = readExportTo(spec.at("exportTo"), { toNobody: false });
  const routes = rules.flatMap(readHttpRules);
  if (onMesh) {
    const gateways = spec.at("gateways").texts();
    const matches = rules.flatMap((rule) => rule.at("match").items());
    for (const match of matches) refuseClaims(match, gateways);
  }
  for (const rule of rules) checkDelegation(rule, !spec.at("hosts").items().length);
  const connections = readConnectionRules(spec, hosts);
  for (const kind of ["http", "tcp", "tls"]) reportUnreachable(spec.at(kind).items());
  if (!["http", "tcp", "tls"].some((kind) => spec.at(kind).items().length > 0)) {
    spec.refuse("http, tcp or tls must be provided in virtual service");
  }
  if (!onMesh || hosts.length === 0) return NO_ROUTES;
  const common = {
    hosts: hosts.map((host) => resolveHost(host, spec.namespace, spec.clusterDomain)),
    namespace: spec.namespace,
    name: spec.object.name,
    exportTo,
    creationTimestamp: spec.object.creationTimestamp,
    origin: spec.object.origin(),
  };
  return {
    http: routes.length === 0 ? undefined : { ...common, ...HTTP, rules: routes },
    connections: connections.length === 0 ? undefined : { ...common, rules: connections },
  };
}

/** What is the same of all of them. */
const HTTP = {
  dialect: "istio",
  ports: undefined,
  consumer: false,
  // Istio's virtual host holds the VirtualService's routes and nothing else.
  unmatched: "notFound",
} as const;

function readHosts(spec: Spec): string[] {
  const nodes = spec.at("hosts").items();
  if (nodes.length === 0) checkDelegate(spec);
  const gateways = spec.at("gateways").texts();
  const forMesh = gateways.length === 0 || gateways.includes(MESH);
  let valid = true;
  for (const node of nodes) {
    const host = node.text();
    const error = host === undefined ? undefined : hostError(host, forMesh);
    node.refuse(error);
    valid &&= error === undefined;
  }
  if (valid) refuseDuplicates(nodes);
  return spec.at("hosts").texts();
}

function hostError(host: string, forMesh: boolean): string | undefined {
  if (host === "*" && forMesh) {
    return "wildcard host * is not allowed for virtual services bound to the mesh gateway";
  }
  return isAddress(host) ? undefined : wildcardDomainError(host);
}

function refuseDuplicates(nodes: readonly Spec[]): void {
  for (const [index, node] of nodes.entries()) {
    for (const earlier of nodes.slice(0, index)) {
      const [one, other] = [earlier.text() ?? "", node.text() ?? ""];
      if (!hostsOverlap(one, other)) continue;
      node.refuse(`duplicate hosts in virtual service: ${one} & ${other}`);
    }
  }
}

/** Without hosts it is for other VirtualServices to delegate to. */
function checkDelegate(spec: Spec): void {
  if (spec.at("gateways").items().length > 0) {
    spec.at("gateways").refuse("delegate virtual service must have no gateways specified");
  }
  for (const kind of ["tls", "tcp"]) {
    if (spec.at(kind).items().length > 0) {
      spec.at(kind).refuse(`delegate virtual service must have no ${kind} route specified`);
    }
  }
  spec.notExecuted("it has no hosts, and no other VirtualService takes in its rules");
}

/** True where sidecars are meant. */
function readGateways(gateways: Spec): boolean {
  const items = gateways.items();
  for (const item of items) checkGatewayName(item);
  const others = items.filter((item) => item.text() !== MESH);
  const onMesh = others.length < items.length || items.length === 0;
  if (others.length > 0) {
    const names = others.map((item) => item.text()).join(", ");
    gateways.notExecuted(
      onMesh
        ? `there are no gateways here, so the rules hold for sidecars and not on ${names}`
        : `there are no gateways here, so nothing routes by it (${names})`,
      onMesh ? undefined : "add mesh to gateways to route the requests of sidecars by these rules",
    );
  }
  return onMesh;
}

function checkGatewayName(item: Spec): void {
  const name = item.text() ?? "";
  const [namespace = "", gateway, ...more] = name.split("/");
  if (gateway === undefined) {
    item.refuse(wildcardDomainError(name));
    const [first, second] = name.split(".");
    if (second !== undefined) {
      item.doubt(
        `using legacy gatewayName format "${name}"; ` +
          `prefer the <namespace>/<name> format: "${second}/${first}"`,
      );
    }
  } else if (namespace === "" || gateway === "") {
    item.refuse("config namespace and gateway name cannot be empty");
  } else if (!isLabel(namespace)) {
    item.refuse(`invalid value for namespace: "${namespace}"`);
  } else if (!isLabel(gateway) || more.length > 0) {
    item.refuse(`invalid value for gateway name: "${gateway}"`);
  }
}
