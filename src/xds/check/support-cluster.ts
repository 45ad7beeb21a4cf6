import { executed, harmless, only, refused, type SupportTable } from "./support.ts";

const HTTP_VERSIONS = {
  ...executed("http_protocol_options http2_protocol_options"),
  http3_protocol_options: refused("HTTP/3 is not spoken"),
};

/** Clusters, endpoints, and what all resources are made of. */
export const CLUSTER_SUPPORT: SupportTable = {
  "envoy.config.cluster.v3.Cluster": {
    ...executed("name alt_stat_name type eds_cluster_config connect_timeout lb_policy"),
    ...executed("load_assignment max_requests_per_connection circuit_breakers"),
    ...executed("common_http_protocol_options http_protocol_options dns_refresh_rate"),
    ...executed("typed_extension_protocol_options upstream_bind_config common_lb_config"),
    ...executed("least_request_lb_config round_robin_lb_config upstream_connection_options"),
    ...executed("metadata load_balancing_policy http2_protocol_options protocol_selection"),
    ...executed("transport_socket health_checks"),
    // An endpoint that discovery no longer names is gone at once, healthy or not.
    ...harmless("ignore_health_on_host_removal"),
    close_connections_on_host_health_failure: only(false),
    // How long an original destination is remembered; ours are forgotten with their connections.
    ...harmless("cleanup_interval"),
    dns_lookup_family: only("AUTO", "V4_ONLY", "V4_PREFERRED"),
    outlier_detection: refused("outlier detection is not executed yet"),
    transport_socket_matches: refused("a cluster has one transport socket for all endpoints"),
    lb_subset_config: refused("subset load balancing is not executed; name a cluster a subset"),
    ring_hash_lb_config: refused("consistent hashing is not executed yet"),
    maglev_lb_config: refused("consistent hashing is not executed yet"),
    per_connection_buffer_limit_bytes: refused("the data plane has its own bound for buffers"),
  },
  "envoy.config.cluster.v3.Cluster.EdsClusterConfig": executed("eds_config service_name"),
  "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig": executed("choice_count"),
  "envoy.config.cluster.v3.Cluster.RoundRobinLbConfig": {},
  "envoy.config.cluster.v3.Cluster.CommonLbConfig": {
    ...executed("healthy_panic_threshold"),
    // Endpoints are used as soon as they are known, which is what both say.
    update_merge_window: only(0),
    ignore_new_hosts_until_first_hc: only(false),
  },
  "envoy.config.cluster.v3.LoadBalancingPolicy": executed("policies"),
  "envoy.config.cluster.v3.LoadBalancingPolicy.Policy": executed("typed_extension_config"),
  "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin": {},
  "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest": {
    ...executed("choice_count"),
    enable_full_scan: only(false),
    selection_method: only("N_CHOICES"),
  },
  "envoy.extensions.load_balancing_policies.random.v3.Random": {},
  "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided": {},
  "envoy.config.cluster.v3.CircuitBreakers": {
    ...executed("thresholds"),
    per_host_thresholds: refused("limits are counted for the whole cluster"),
  },
  "envoy.config.cluster.v3.CircuitBreakers.Thresholds": {
    ...executed("priority max_connections max_pending_requests max_requests max_retries"),
    ...executed("retry_budget track_remaining"),
  },
  "envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget": executed(
    "budget_percent min_retry_concurrency",
  ),
  "envoy.config.cluster.v3.UpstreamConnectionOptions": executed("tcp_keepalive"),
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    ...executed("common_http_protocol_options explicit_http_config"),
    ...executed("use_downstream_protocol_config auto_config"),
    upstream_http_protocol_options: refused("the SNI is the transport socket's own"),
  },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig": HTTP_VERSIONS,
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig": HTTP_VERSIONS,
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig": {
    ...HTTP_VERSIONS,
    alternate_protocols_cache_options: refused("HTTP/3 is not spoken"),
  },
  "envoy.config.core.v3.HealthCheck": {
    ...executed("timeout interval initial_jitter no_traffic_interval unhealthy_threshold"),
    ...executed("healthy_threshold grpc_health_check"),
    http_health_check: refused("only gRPC's health checks are executed so far"),
    tcp_health_check: refused("only gRPC's health checks are executed so far"),
    custom_health_check: refused("only gRPC's health checks are executed"),
    reuse_connection: only(true),
  },
  "envoy.config.core.v3.HealthCheck.GrpcHealthCheck": executed("service_name authority"),
  "envoy.config.endpoint.v3.ClusterLoadAssignment": executed("cluster_name endpoints policy"),
  // It decides how traffic spills over between priorities, and there is one.
  "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy": harmless("overprovisioning_factor"),
  "envoy.config.endpoint.v3.LocalityLbEndpoints": {
    ...executed("locality lb_endpoints"),
    // It counts with locality-weighted balancing alone, which is refused.
    ...harmless("load_balancing_weight metadata"),
    priority: only(0),
  },
  "envoy.config.endpoint.v3.LbEndpoint": executed(
    "endpoint health_status metadata load_balancing_weight",
  ),
  "envoy.config.endpoint.v3.Endpoint": {
    ...executed("address hostname"),
    health_check_config: refused("an endpoint is checked where it serves"),
  },
  "envoy.config.core.v3.Locality": executed("region zone sub_zone"),
  "envoy.config.core.v3.Address": {
    ...executed("socket_address pipe"),
    envoy_internal_address: refused("internal listeners are not executed"),
  },
  "envoy.config.core.v3.SocketAddress": {
    ...executed("address port_value"),
    protocol: only("TCP"),
  },
  "envoy.config.core.v3.Pipe": executed("path"),
  "envoy.config.core.v3.CidrRange": executed("address_prefix prefix_len"),
  "envoy.config.core.v3.BindConfig": executed("source_address"),
  "envoy.config.core.v3.TcpKeepalive": executed(
    "keepalive_probes keepalive_time keepalive_interval",
  ),
  "envoy.config.core.v3.Metadata": {
    ...executed("filter_metadata"),
    ...harmless("typed_filter_metadata"),
  },
  "envoy.config.core.v3.ConfigSource": {
    ...executed("ads"),
    resource_api_version: only("AUTO", "V3"),
    // We wait for ever too: what is missing keeps its last good state.
    initial_fetch_timeout: only(0),
  },
  "envoy.config.core.v3.AggregatedConfigSource": {},
  "envoy.config.core.v3.TypedExtensionConfig": executed("name typed_config"),
  "envoy.config.core.v3.DataSource": {
    // Texts of responses and logs refuse `filename` where they are read.
    ...executed("inline_string inline_bytes filename"),
  },
  "envoy.type.v3.Percent": executed("value"),
};
