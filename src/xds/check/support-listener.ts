import { executed, harmless, only, refused, type SupportTable } from "./support.ts";

const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** Listeners, the HTTP connection manager, the TCP proxy. */
export const LISTENER_SUPPORT: SupportTable = {
  "envoy.config.listener.v3.Listener": {
    ...executed("name address filter_chains default_filter_chain listener_filters"),
    ...executed("listener_filters_timeout continue_on_listener_filters_timeout"),
    ...executed("bind_to_port use_original_dst traffic_direction metadata"),
    // stat_prefix names statistics; how the kernel spreads connections over threads is our own.
    ...harmless("stat_prefix enable_reuse_port"),
    drain_type: only("DEFAULT"),
    // A source is held back at 16 KiB that wait to be sent: no limit in use is lower.
    ...harmless("per_connection_buffer_limit_bytes"),
    ...executed("access_log"),
  },
  "envoy.config.listener.v3.ListenerFilter": executed("name typed_config"),
  "envoy.extensions.filters.listener.original_dst.v3.OriginalDst": {},
  "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector": {},
  "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector": {
    enable_ja3_fingerprinting: only(false),
    // How much is read at once changes nothing that anybody sees.
    ...harmless("initial_read_buffer_size"),
  },
  "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol": {
    ...executed("allow_requests_without_proxy_protocol disallowed_versions stat_prefix"),
    rules: refused("what a header adds to its addresses (TLVs) is left"),
    pass_through_tlvs: refused("what a header adds to its addresses (TLVs) is left"),
  },
  "envoy.config.listener.v3.FilterChain": {
    ...executed("filter_chain_match filters name transport_socket"),
    ...harmless("metadata"),
    transport_socket_connect_timeout: refused("handshakes have a bound of their own"),
  },
  "envoy.config.listener.v3.FilterChainMatch": {
    ...executed("destination_port prefix_ranges server_names transport_protocol"),
    ...executed("application_protocols direct_source_prefix_ranges source_type"),
    ...executed("source_prefix_ranges source_ports"),
  },
  "envoy.config.listener.v3.Filter": executed("name typed_config"),
  [HCM]: {
    ...executed("stat_prefix rds route_config http_filters common_http_protocol_options"),
    ...executed("http_protocol_options server_name server_header_transformation via"),
    ...executed("max_request_headers_kb stream_idle_timeout request_timeout drain_timeout"),
    ...executed("request_headers_timeout access_log use_remote_address xff_num_trusted_hops"),
    ...executed("skip_xff_append generate_request_id preserve_external_request_id"),
    ...executed("always_set_request_id_in_response upgrade_configs normalize_path"),
    ...executed("merge_slashes strip_matching_host_port http2_protocol_options"),
    ...executed("strip_any_host_port strip_trailing_host_dot path_with_escaped_slashes_action"),
    codec_type: only("AUTO", "HTTP1", "HTTP2"),
    add_user_agent: only(false),
    ...executed("forward_client_cert_details set_current_client_cert_details"),
    ...executed("internal_address_config"),
    stream_error_on_invalid_http_message: only(false),
    http3_protocol_options: refused("HTTP/3 is not spoken"),
    tracing: refused("spans are not written yet"),
    local_reply_config: refused("local replies have Envoy's own bodies"),
  },
  [`${HCM}.InternalAddressConfig`]: {
    ...executed("cidr_ranges"),
    // No client comes over one.
    ...harmless("unix_sockets"),
  },
  [`${HCM}.SetCurrentClientCertDetails`]: executed("subject cert chain dns uri"),
  "envoy.extensions.filters.network.http_connection_manager.v3.Rds": executed(
    "config_source route_config_name",
  ),
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": {
    ...executed("name typed_config"),
    is_optional: only(false),
    disabled: only(false),
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig":
    { ...executed("upgrade_type"), enabled: only(true) },
  "envoy.extensions.filters.http.router.v3.Router": {
    dynamic_stats: only(true),
    start_child_span: only(false),
  },
  "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb": {},
  "envoy.extensions.filters.http.cors.v3.Cors": {},
  "envoy.extensions.filters.http.fault.v3.HTTPFault": {
    ...executed("delay abort upstream_cluster headers downstream_nodes max_active_faults"),
    // There is no runtime to be asked: what is configured holds.
    ...harmless("delay_percent_runtime abort_percent_runtime delay_duration_runtime"),
    ...harmless("abort_http_status_runtime abort_grpc_status_runtime max_active_faults_runtime"),
    ...harmless("response_rate_limit_percent_runtime"),
    // Without them either way: their names would be whatever a client writes.
    ...harmless("disable_downstream_cluster_stats"),
    response_rate_limit: refused("answers are not slowed down"),
    filter_metadata: refused("an injected fault leaves no dynamic metadata"),
  },
  "envoy.extensions.filters.http.fault.v3.FaultAbort": executed(
    "http_status grpc_status header_abort percentage",
  ),
  "envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort": {},
  "envoy.extensions.filters.common.fault.v3.FaultDelay": executed(
    "fixed_delay header_delay percentage",
  ),
  "envoy.extensions.filters.common.fault.v3.FaultDelay.HeaderDelay": {},
  "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit": {
    ...executed("stat_prefix status token_bucket filter_enabled filter_enforced"),
    ...executed("request_headers_to_add_when_not_enforced response_headers_to_add"),
    ...executed("local_rate_limit_per_downstream_connection enable_x_ratelimit_headers"),
    ...executed("rate_limited_as_resource_exhausted"),
    ...executed("descriptors always_consume_default_token_bucket vh_rate_limits"),
    stage: only(0),
    local_cluster_rate_limit: refused("proxies do not share a limit"),
  },
  "envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor": executed("entries token_bucket"),
  "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry": executed("key value"),
  "envoy.type.v3.HttpStatus": executed("code"),
  "envoy.type.v3.TokenBucket": executed("max_tokens tokens_per_fill fill_interval"),
  "envoy.extensions.filters.http.stateful_session.v3.StatefulSession":
    executed("session_state strict"),
  "envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute": executed(
    "disabled stateful_session",
  ),
  "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState": executed("cookie"),
  "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState": executed("name"),
  "envoy.type.http.v3.Cookie": executed("name ttl path"),
  "envoy.extensions.filters.http.cors.v3.CorsPolicy": executed(
    "allow_origin_string_match allow_methods allow_headers expose_headers max_age " +
      "allow_credentials allow_private_network_access forward_not_matching_preflights " +
      "filter_enabled shadow_enabled",
  ),
  "envoy.config.core.v3.RuntimeFractionalPercent": {
    ...executed("default_value"),
    // There is no runtime to be asked: the default is the value.
    ...harmless("runtime_key"),
  },
  "envoy.type.v3.FractionalPercent": executed("numerator denominator"),
  "envoy.config.core.v3.HttpProtocolOptions": {
    ...executed("idle_timeout max_headers_count max_requests_per_connection"),
    ...executed("max_connection_duration max_stream_duration headers_with_underscores_action"),
  },
  "envoy.config.core.v3.Http1ProtocolOptions": {
    ...executed("accept_http_10 enable_trailers"),
    allow_absolute_url: only(true),
  },
  "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit": {
    ...executed("stat_prefix token_bucket"),
    runtime_enabled: refused("there is no runtime to be asked"),
    share_key: refused("each filter chain has a limit of its own"),
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": {
    ...executed("stat_prefix cluster weighted_clusters idle_timeout access_log"),
    ...executed("max_connect_attempts max_downstream_connection_duration hash_policy"),
  },
  "envoy.type.v3.HashPolicy": {
    ...executed("source_ip"),
    filter_state: refused("the data plane has no filter state"),
  },
  "envoy.type.v3.HashPolicy.SourceIp": {},
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster": executed("clusters"),
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight":
    executed("name weight"),
  // Our own extensions travel in these two; their content is checked where it is read.
  "xds.type.v3.TypedStruct": executed("type_url value"),
  "udpa.type.v1.TypedStruct": executed("type_url value"),
};
