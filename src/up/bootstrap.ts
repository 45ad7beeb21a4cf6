import { stringify } from "yaml";
import type { SocketAddress } from "../model/address.ts";
import type { Labels } from "../model/mesh.ts";

/** Whose sidecar it is. */
export interface SidecarIdentity {
  readonly pod: string;
  readonly namespace: string;
  readonly address: string;
  readonly labels: Labels;
  readonly serviceAccount: string;
  readonly workload: string;
  readonly mode: "intercept" | "explicit";
  readonly ads: SocketAddress;
}

const ADMIN_PORT = 15000;
const METRICS_PORTS = [15020, 15090] as const;
export const HEALTH_PORT = 15021;
/** Istio's name for the control plane's cluster. */
const ADS_CLUSTER = "xds-grpc";
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** The sidecar's bootstrap as YAML, such as Envoy reads it (config.bootstrap.v3.Bootstrap). */
export function sidecarBootstrap(sidecar: SidecarIdentity): string {
  const { address, mode } = sidecar;
  const ads = { ads: {}, resource_api_version: "V3" };
  const grpc = { envoy_grpc: { cluster_name: ADS_CLUSTER } };
  return stringify({
    node: nodeOf(sidecar),
    // Explicit mode has one localhost for all pods, so the pod's address stands in for it.
    admin: { address: socket(mode === "explicit" ? address : "127.0.0.1", ADMIN_PORT) },
    dynamic_resources: {
      ads_config: { api_type: "GRPC", transport_api_version: "V3", grpc_services: [grpc] },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: { clusters: [adsCluster(sidecar.ads)] },
  });
}

/** Node id and metadata as Istio's agent writes them. */
function nodeOf(sidecar: SidecarIdentity): object {
  const { pod, namespace, address, labels, workload } = sidecar;
  return {
    id: `sidecar~${address}~${pod}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${labels.app ?? workload}.${namespace}`,
    user_agent_name: "outrigger",
    metadata: {
      NAME: pod,
      NAMESPACE: namespace,
      LABELS: labels,
      SERVICE_ACCOUNT: sidecar.serviceAccount,
      WORKLOAD_NAME: workload,
      CLUSTER_ID: "Kubernetes",
      INSTANCE_IPS: address,
      INTERCEPTION_MODE: sidecar.mode === "explicit" ? "NONE" : "REDIRECT",
      OUTRIGGER: {
        metrics: METRICS_PORTS.map((port) => `${address}:${port}`),
        health: `${address}:${HEALTH_PORT}`,
      },
    },
  };
}

function adsCluster(ads: SocketAddress): object {
  const endpoint = { endpoint: { address: socket(ads.host, ads.port) } };
  return {
    name: ADS_CLUSTER,
    type: "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: {
      [HTTP_OPTIONS]: {
        "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: { cluster_name: ADS_CLUSTER, endpoints: [{ lb_endpoints: [endpoint] }] },
  };
}

function socket(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } };
}
