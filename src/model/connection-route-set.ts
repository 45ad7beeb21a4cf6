import type { Backend } from "./http-route-set.ts";
import type { Labels } from "./mesh.ts";
import type { Origin } from "./origin.ts";

/**
 * Routing of connections that are not HTTP, or whose HTTP nobody here can read: `tls` and `tcp` of
 * an Istio VirtualService on gateway `mesh`.
 */
export interface ConnectionRouteSet {
  /** FQDNs and wildcards (`*.example.com`). */
  readonly hosts: readonly string[];
  readonly namespace: string;
  readonly name: string;
  /** Client namespaces that it holds for: `*`, or names. */
  readonly exportTo: readonly string[];
  /** The first match wins; those for TLS come before those for TCP. */
  readonly rules: readonly ConnectionRule[];
  readonly creationTimestamp: string;
  readonly origin: Origin;
}

export interface ConnectionRule {
  readonly layer: "tls" | "tcp";
  /** OR; empty matches everything. */
  readonly matches: readonly ConnectionMatch[];
  readonly backends: readonly ConnectionBackend[];
  readonly origin: Origin;
}

export type ConnectionBackend = Pick<Backend, "host" | "port" | "subset" | "weight" | "origin">;

export interface ConnectionMatch {
  /** TLS: names in the ClientHello; never empty there. */
  readonly sniHosts: readonly string[];
  /** `10.0.0.0/8`, or an address; empty matches all. */
  readonly destinationSubnets: readonly string[];
  /** The port that the client addressed; undefined: any. */
  readonly port: number | undefined;
  /** The client pod's labels and namespace; undefined: any. */
  readonly sourceLabels: Labels | undefined;
  readonly sourceNamespace: string | undefined;
  readonly origin: Origin;
}
