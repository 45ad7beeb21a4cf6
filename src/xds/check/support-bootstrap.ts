import { executed, harmless, only, refused, type SupportTable } from "./support.ts";

/** The bootstrap file. */
export const BOOTSTRAP_SUPPORT: SupportTable = {
  "envoy.config.bootstrap.v3.Bootstrap": {
    ...executed("node static_resources dynamic_resources admin overload_manager"),
    // How often sinks are fed; there are none, and scrapes are always fresh.
    ...harmless("stats_flush_interval"),
    layered_runtime: refused("there is no runtime layer that could be overridden"),
    stats_config: refused("statistics have Envoy's default names and tags"),
    tracing: refused("spans are not written yet"),
  },
  "envoy.config.bootstrap.v3.Bootstrap.StaticResources": {
    ...executed("listeners clusters secrets"),
  },
  "envoy.config.bootstrap.v3.Bootstrap.DynamicResources": executed(
    "lds_config cds_config ads_config",
  ),
  "envoy.config.bootstrap.v3.Admin": {
    ...executed("address"),
    access_log_path: only("/dev/null"),
    profile_path: { kind: "harmless" },
  },
  "envoy.config.overload.v3.OverloadManager": {
    ...executed("refresh_interval resource_monitors actions"),
    loadshed_points: refused("load is shed by actions alone"),
    buffer_factory_config: refused("no action resets the streams that hold most memory"),
  },
  "envoy.config.overload.v3.ResourceMonitor": executed("name typed_config"),
  "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig":
    executed("max_heap_size_bytes"),
  "envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig":
    executed("filename"),
  "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig":
    executed("max_active_downstream_connections"),
  "envoy.config.overload.v3.OverloadAction": executed("name triggers typed_config"),
  "envoy.config.overload.v3.Trigger": executed("name threshold scaled"),
  "envoy.config.overload.v3.ThresholdTrigger": executed("value"),
  "envoy.config.overload.v3.ScaledTrigger": executed("scaling_threshold saturation_threshold"),
  "envoy.config.overload.v3.ScaleTimersOverloadActionConfig": executed("timer_scale_factors"),
  "envoy.config.overload.v3.ScaleTimersOverloadActionConfig.ScaleTimer": executed(
    "timer min_timeout min_scale",
  ),
  "envoy.config.core.v3.ApiConfigSource": {
    ...executed("grpc_services"),
    api_type: only("GRPC"),
    transport_api_version: only("V3"),
    // The node goes with the first message of a stream, and no server asks for it twice.
    ...harmless("set_node_on_first_message_only"),
  },
  "envoy.config.core.v3.GrpcService": {
    ...executed("envoy_grpc timeout initial_metadata"),
    google_grpc: refused("name a cluster in envoy_grpc"),
  },
  "envoy.config.core.v3.GrpcService.EnvoyGrpc": executed("cluster_name authority"),
  "envoy.config.core.v3.Node": {
    ...executed("id cluster metadata user_agent_name"),
    ...harmless("locality user_agent_version"),
  },
};
