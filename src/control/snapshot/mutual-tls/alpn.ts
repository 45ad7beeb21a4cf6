import type { UpstreamProtocol } from "../../../model/cluster.ts";

/**
 * Istio's ids, by which a sidecar knows TLS of the mesh before it has seen a certificate, and what
 * is inside (istio/proxy: alpn filter; pilot: mtls.go).
 */
export const MESH_HTTP_ALPN: readonly string[] = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
export const MESH_TCP_ALPN: readonly string[] = ["istio-peer-exchange", "istio"];
export const MESH_ALPN: readonly string[] = [...MESH_TCP_ALPN, ...MESH_HTTP_ALPN];

/** What a sidecar agrees upon for its pod's ports. */
export const SERVER_HTTP_ALPN: readonly string[] = ["h2", "http/1.1"];
export const SERVER_TCP_ALPN: readonly string[] = ["istio-peer-exchange", "h2", "http/1.1"];

/**
 * What a sidecar offers to another. Where both requests and plain connections go to one cluster
 * (`sniffed`), a connection is offered as TCP; our own data plane says more where it knows more.
 */
export function offeredAlpn(
  carriage: "http" | "tcp" | "sniffed",
  protocol: UpstreamProtocol,
): readonly string[] {
  if (carriage !== "http") return MESH_TCP_ALPN;
  if (protocol === "http2") return ["istio-h2", "istio", "h2"];
  if (protocol === "http1") return ["istio-http/1.1", "istio", "http/1.1"];
  return ["istio-http/1.1", "istio"];
}
