import { executed, harmless, only, refused, type SupportTable } from "./support.ts";

/** The bootstrap file. */
export const BOOTSTRAP_SUPPORT: SupportTable = {
  "envoy.config.bootstrap.v3.Bootstrap": {
    ...executed("node static_resources dynamic_resources admin"),
    // How often sinks are fed; there are none, and scrapes are always fresh.
    ...harmless("stats_flush_interval"),
    layered_runtime: refused("there is no runtime layer that could be overridden"),
    stats_config: refused("statistics have Envoy's default names and tags"),
    overload_manager: refused("overload is bounded by limits of our own"),
    tracing: refused("spans are not written yet"),
  },
  "envoy.config.bootstrap.v3.Bootstrap.StaticResources": {
    ...executed("listeners clusters"),
    secrets: refused("write certificates into the TLS contexts that use them"),
  },
  "envoy.config.bootstrap.v3.Bootstrap.DynamicResources": executed(
    "lds_config cds_config ads_config",
  ),
  "envoy.config.bootstrap.v3.Admin": {
    ...executed("address"),
    access_log_path: only("/dev/null"),
    profile_path: { kind: "harmless" },
  },
  "envoy.config.core.v3.ApiConfigSource": {
    ...executed("grpc_services"),
    api_type: only("GRPC"),
    transport_api_version: only("V3"),
    // The node goes with the first message of a stream, and no server asks for it twice.
    ...harmless("set_node_on_first_message_only"),
  },
  "envoy.config.core.v3.GrpcService": {
    ...executed("envoy_grpc"),
    google_grpc: refused("name a cluster in envoy_grpc"),
  },
  "envoy.config.core.v3.GrpcService.EnvoyGrpc": executed("cluster_name"),
  "envoy.config.core.v3.Node": {
    ...executed("id cluster metadata user_agent_name"),
    ...harmless("locality user_agent_version"),
  },
};
