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
  /** ADS is spoken over TLS, with what the sidecar's own agent holds. */
  readonly secure?: boolean;
  /** The app's page of metrics, which the sidecar shows with its own. */
  readonly appMetrics?: { readonly port: number; readonly path: string } | undefined;
}

const ADMIN_PORT = 15000;
const METRICS_PORTS = [15020, 15090] as const;
export const HEALTH_PORT = 15021;
/** Istio's name for the control plane's cluster. */
const ADS_CLUSTER = "xds-grpc";
/** And of the agent's, which answers in process. */
const AGENT_CLUSTER = "sds-grpc";
/** What the control plane's certificate is for. */
const CONTROL_NAME = "istiod.istio-system.svc";
const UPSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
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
    static_resources: { clusters: [adsCluster(sidecar)] },
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
        ...(sidecar.secure === true ? { identity: true } : {}),
        ...appMetricsOf(sidecar),
      },
    },
  };
}

/** Asked past the interception, where apps of intercepted pods listen for certain. */
function appMetricsOf({ appMetrics, mode, address }: SidecarIdentity): object {
  if (appMetrics === undefined) return {};
  const host = mode === "explicit" ? address : "127.0.0.1";
  return { appMetrics: `http://${host}:${appMetrics.port}${appMetrics.path}` };
}

function adsCluster({ ads, secure }: SidecarIdentity): object {
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
    ...(secure === true ? { transport_socket: agentsTls() } : {}),
  };
}

/** As Istio's bootstrap has it: who the agent says that we are, and whom it says to believe. */
function agentsTls(): object {
  const names = [{ san_type: "DNS", matcher: { exact: CONTROL_NAME } }];
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `type.googleapis.com/${UPSTREAM_TLS}`,
      sni: CONTROL_NAME,
      common_tls_context: {
        tls_certificate_sds_secret_configs: [agentsSecret("default")],
        combined_validation_context: {
          default_validation_context: { match_typed_subject_alt_names: names },
          validation_context_sds_secret_config: agentsSecret("ROOTCA"),
        },
      },
    },
  };
}

function agentsSecret(name: string): object {
  const grpc = { envoy_grpc: { cluster_name: AGENT_CLUSTER } };
  const source = { api_type: "GRPC", transport_api_version: "V3", grpc_services: [grpc] };
  return { name, sds_config: { resource_api_version: "V3", api_config_source: source } };
}

function socket(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } };
}
