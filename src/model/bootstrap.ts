import type { Address } from "./address.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { Listener } from "./listener.ts";
import type { OverloadConfig } from "./overload/overload.ts";
import type { RouteConfiguration } from "./route.ts";
import type { Secret } from "./transport/secret.ts";

/** Who a proxy is (Envoy: config.core.v3.Node). */
export interface Node {
  /** `sidecar~10.0.0.1~reviews-v1-abc.default~default.svc.cluster.local`. */
  readonly id: string;
  readonly cluster: string;
  /** Istio's keys: NAME, NAMESPACE, LABELS, SERVICE_ACCOUNT, WORKLOAD_NAME, CLUSTER_ID, … */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** `outrigger` or `envoy`. */
  readonly userAgentName: string;
}

/** Envoy: config.bootstrap.v3.Bootstrap, as far as it is supported. */
export interface Bootstrap {
  readonly node: Node;
  readonly admin: Address | undefined;
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  /** What TLS contexts name without an `sds_config`; left out: none. */
  readonly secrets?: readonly Secret[];
  /** Dynamic configuration over ADS; undefined where everything is static. */
  readonly ads: AdsSource | undefined;
  /** Undefined: the safe defaults (docs/overload.md). */
  readonly overload?: OverloadConfig | undefined;
  /** Our own (node metadata `OUTRIGGER`): the addresses that face the pod's network. */
  readonly pod: PodServers | undefined;
  /** Our own as well: whether other Outrigger sidecars' connections are carried. */
  readonly carrying: boolean;
}

export interface AdsSource {
  /** A static cluster's name. */
  readonly cluster: string;
  /** That cluster. It speaks gRPC, so it is not among the bootstrap's `clusters`. */
  readonly target: Cluster;
  readonly listeners: boolean;
  readonly clusters: boolean;
}

/** Metrics and health on the pod's own address. */
export interface PodServers {
  /** The first of them shows the app's metrics as well. */
  readonly metrics: readonly Address[];
  readonly health: Address | undefined;
  /** Left out: there are none, or they are not merged. */
  readonly appMetrics?: AppMetrics | undefined;
}

/** Where the pod's app serves its metrics, over HTTP (Istio: the annotations `prometheus.io/…`). */
export interface AppMetrics {
  readonly host: string;
  readonly port: number;
  /** With its query. */
  readonly path: string;
}

/** Everything that one proxy runs, at one version. Immutable. */
export interface ProxyConfig {
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteConfiguration[];
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly ClusterLoadAssignment[];
  /** What its TLS contexts ask the ADS stream for; left out: none. */
  readonly secrets?: readonly Secret[];
}
