import type { Cluster, DiscoveryType, UpstreamProtocol } from "../../../model/cluster.ts";
import type { PolicyBlocks, TlsSettings } from "../../../model/destination-policy.ts";
import type { Mesh, Pod, Service, ServicePort } from "../../../model/mesh.ts";
import { endpointsOf } from "../../../model/precedence/endpoints.ts";
import type { UpstreamTls } from "../../../model/transport/tls.ts";
import type { Client } from "../client.ts";
import { carriageOf } from "../service-view.ts";
import { offeredAlpn } from "./alpn.ts";
import { meshClientTls, originatedTls, type TlsTarget } from "./client-tls.ts";
import { TAKES_MESH_TLS, takesTls } from "./reach.ts";

/** How a cluster's endpoints are reached. */
export type ClusterTransport = Pick<Cluster, "tls"> &
  Partial<Pick<Cluster, "transportSocketMatches">>;

/** What the transport of one cluster depends on. */
export interface TransportInput {
  readonly mesh: Mesh;
  readonly pods: readonly Pod[];
  readonly client: Pick<Client, "hasIdentity" | "listensAtNames">;
  readonly service: Service;
  readonly port: ServicePort;
  /** Empty: the whole service. */
  readonly subset: string;
  readonly blocks: PolicyBlocks;
  readonly discovery: DiscoveryType;
  readonly protocol: UpstreamProtocol;
}

const PLAIN: ClusterTransport = { tls: undefined };

/**
 * A DestinationRule's `tls` holds; without one each endpoint of the mesh that takes mTLS gets it
 * (Istio's auto mTLS), and the others are spoken to as they are.
 */
export function clusterTransport(input: TransportInput): ClusterTransport {
  const { tls } = input.blocks;
  if (tls === undefined) return automatic(input);
  switch (tls.mode) {
    case "disable":
      return PLAIN;
    case "istioMutual":
      return mutual(input, tls);
    default:
      return { tls: originatedTls(targetOf(input), tls, plainAlpn(input.protocol)) };
  }
}

/**
 * Without a certificate of its own a proxy cannot: the cluster has no endpoints that it would reach
 * (`unreachable.ts`), and where those are nobody's to name, it waits for a certificate for ever.
 */
function mutual(input: TransportInput, tls: TlsSettings): ClusterTransport {
  if (!input.client.hasIdentity && input.discovery !== "originalDst") return PLAIN;
  return { tls: meshClientTls(targetOf(input), input.mesh.settings, tls) };
}

function automatic(input: TransportInput): ClusterTransport {
  const { client, mesh, service } = input;
  if (!client.hasIdentity || service.external || mesh.settings.autoMtls === false) return PLAIN;
  const tls = meshClientTls(targetOf(input), mesh.settings);
  // Endpoints of such clusters are nobody's to describe: all of them, or none.
  if (input.discovery === "originalDst") return allTakeTls(input) ? { tls } : PLAIN;
  return automaticMatches(tls);
}

/** Under Istio's names. */
function automaticMatches(tls: UpstreamTls): ClusterTransport {
  return {
    tls: undefined,
    transportSocketMatches: [
      { name: "tlsMode-istio", match: TAKES_MESH_TLS, tls },
      { name: "tlsMode-disabled", match: {}, tls: undefined },
    ],
  };
}

function allTakeTls({ mesh, pods, port, service }: TransportInput): boolean {
  const endpoints = endpointsOf(service, port, pods);
  return endpoints.length > 0 && endpoints.every((endpoint) => takesTls(mesh, endpoint));
}

function targetOf(input: TransportInput): TlsTarget {
  const { mesh, pods, port, protocol, service, subset } = input;
  const alpn = offeredAlpn(carriageOf(port) ?? "tcp", protocol);
  return { service, port, subset, pods, templates: mesh.podTemplates, alpn };
}

/** What Envoy would offer by itself: named, so that every data plane offers the same. */
function plainAlpn(protocol: UpstreamProtocol): readonly string[] {
  return protocol === "http2" ? ["h2"] : [];
}
