import type { Service } from "../../model/mesh.ts";

/** Names as Istio gives them (istio.io, "Envoy's configuration, explained"). */

export const PASSTHROUGH_CLUSTER = "PassthroughCluster";
export const BLACK_HOLE_CLUSTER = "BlackHoleCluster";
export const INBOUND_PASSTHROUGH_CLUSTER = "InboundPassthroughCluster";
/** Routes of the explicit mode's one outbound listener. */
export const EXPLICIT_ROUTES = "http_proxy";

export const OUTBOUND_PORT = 15001;
export const INBOUND_PORT = 15006;

/** `outbound|9080|v1|reviews.default.svc.cluster.local`; the subset may be empty. */
export function outboundClusterName(port: number, subset: string, host: string): string {
  return `outbound|${port}|${subset}|${host}`;
}

/** `inbound|9080||`: by the pod's port, for every service that it belongs to. */
export function inboundClusterName(port: number): string {
  return `inbound|${port}||`;
}

/** `0.0.0.0_9080`, `10.96.0.7_3306`. */
export function listenerName(host: string, port: number): string {
  return `${host}_${port}`;
}

/**
 * A share of requests whose backend cannot be used: no cluster ever has this name, so that the
 * route's "cluster not found" status answers, in Envoy as in our own data plane.
 */
export function refusedBackendName(status: 500 | 503): string {
  return `refused-backend|${status}`;
}

/**
 * All names by which a client of `namespace` may address the service: the FQDN, with and without
 * the closing dot, the short forms that the pod's DNS search list completes, and the addresses.
 */
export function hostForms(service: Service, namespace: string, clusterDomain: string): string[] {
  const names = serviceForms(service, namespace, clusterDomain);
  const all = service.headless ? names.flatMap((name) => [name, `*.${name}`]) : names;
  return [...all, ...addressesOf(service).map(bracketed)];
}

/** The single addresses among those of a service; ServiceEntries may also list CIDR ranges. */
export function addressesOf(service: Service): readonly string[] {
  return service.addresses.filter((address) => !address.includes("/"));
}

/** `192.0.2.0/24`: what a ServiceEntry lists besides single addresses. */
export function rangesOf(service: Service): readonly string[] {
  return service.addresses.filter((address) => address.includes("/"));
}

/** As a Host header writes an address. */
function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** The names among the forms, of the service itself. */
export function serviceForms(service: Service, namespace: string, clusterDomain: string): string[] {
  const { host } = service;
  if (host.startsWith("*")) return [host];
  const suffix = `.svc.${clusterDomain}`;
  if (!host.endsWith(suffix)) return [host, `${host}.`];
  const local = host.slice(0, -suffix.length);
  const dot = local.lastIndexOf(".");
  const [name, home] = [local.slice(0, Math.max(0, dot)), local.slice(dot + 1)];
  if (name === "") return [host, `${host}.`];
  const forms = [host, `${host}.`, `${name}.${home}.svc`, `${name}.${home}`];
  return home === namespace ? [...forms, name] : forms;
}
