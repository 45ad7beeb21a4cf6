import { executed, harmless, only, refused, type SupportTable } from "./support.ts";

const HTTP_VERSIONS = {
  ...executed("http_protocol_options http2_protocol_options"),
  http3_protocol_options: refused("HTTP/3 is not spoken"),
};

const SLOW_START = executed("slow_start_window aggression min_weight_percent");
const HASHING = executed("use_hostname_for_hashing hash_balance_factor");
const OLD_HASHING = refused("say it in consistent_hashing_lb_config");
const ZONE_AWARE = refused("zones are not balanced between; locality weights and priorities are");

/** Clusters, endpoints, and what all resources are made of. */
export const CLUSTER_SUPPORT: SupportTable = {
  "envoy.config.cluster.v3.Cluster": {
    ...executed("name alt_stat_name type eds_cluster_config connect_timeout lb_policy"),
    ...executed("load_assignment max_requests_per_connection circuit_breakers"),
    ...executed("common_http_protocol_options http_protocol_options dns_refresh_rate"),
    ...executed("typed_extension_protocol_options upstream_bind_config common_lb_config"),
    ...executed("least_request_lb_config round_robin_lb_config upstream_connection_options"),
    ...executed("metadata load_balancing_policy http2_protocol_options protocol_selection"),
    ...executed("transport_socket transport_socket_matches health_checks"),
    ...executed("ring_hash_lb_config maglev_lb_config"),
    // An endpoint that discovery no longer names is gone at once, healthy or not.
    ...harmless("ignore_health_on_host_removal"),
    close_connections_on_host_health_failure: only(false),
    // How long an original destination is remembered; ours are forgotten with their connections.
    ...harmless("cleanup_interval"),
    ...executed("dns_lookup_family dns_failure_refresh_rate respect_dns_ttl"),
    ...executed("typed_dns_resolver_config"),
    use_tcp_for_dns_lookups: only(false),
    dns_resolvers: refused("say it in typed_dns_resolver_config"),
    dns_resolution_config: refused("say it in typed_dns_resolver_config"),
    ...executed("outlier_detection"),
    lb_subset_config: refused("subset load balancing is not executed; name a cluster a subset"),
    // A source is held back at 16 KiB that wait to be sent: no limit in use is lower.
    ...harmless("per_connection_buffer_limit_bytes"),
  },
  "envoy.config.cluster.v3.OutlierDetection": {
    ...executed("consecutive_5xx enforcing_consecutive_5xx"),
    ...executed("consecutive_gateway_failure enforcing_consecutive_gateway_failure"),
    ...executed("split_external_local_origin_errors consecutive_local_origin_failure"),
    ...executed("enforcing_consecutive_local_origin_failure"),
    ...executed("interval base_ejection_time max_ejection_time max_ejection_time_jitter"),
    ...executed("max_ejection_percent always_eject_one_host"),
    ...executed("enforcing_success_rate enforcing_local_origin_success_rate"),
    ...executed("success_rate_minimum_hosts success_rate_request_volume"),
    ...executed("success_rate_stdev_factor failure_percentage_threshold"),
    ...executed("enforcing_failure_percentage enforcing_failure_percentage_local_origin"),
    ...executed("failure_percentage_minimum_hosts failure_percentage_request_volume"),
    ...executed("successful_active_health_check_uneject_host"),
    monitors: refused("extensions that judge hosts are not executed"),
  },
  "envoy.config.cluster.v3.Cluster.TransportSocketMatch": executed("name match transport_socket"),
  "envoy.config.cluster.v3.Cluster.RefreshRate": executed("base_interval max_interval"),
  "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig": {
    ...executed("resolvers dns_resolver_options"),
    // How questions are sent; the answers are the same.
    ...harmless("udp_max_queries"),
    use_resolvers_as_fallback: only(false),
    filter_unroutable_families: only(false),
  },
  "envoy.config.core.v3.DnsResolverOptions": {
    use_tcp_for_dns_lookups: only(false),
    no_default_search_domain: only(false),
  },
  "envoy.config.cluster.v3.Cluster.EdsClusterConfig": executed("eds_config service_name"),
  "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig": executed(
    "choice_count active_request_bias slow_start_config",
  ),
  "envoy.config.cluster.v3.Cluster.RoundRobinLbConfig": executed("slow_start_config"),
  "envoy.config.cluster.v3.Cluster.SlowStartConfig": SLOW_START,
  "envoy.config.cluster.v3.Cluster.RingHashLbConfig": executed(
    "minimum_ring_size maximum_ring_size hash_function",
  ),
  "envoy.config.cluster.v3.Cluster.MaglevLbConfig": executed("table_size"),
  "envoy.config.cluster.v3.Cluster.CommonLbConfig": {
    ...executed("healthy_panic_threshold locality_weighted_lb_config"),
    ...executed("consistent_hashing_lb_config override_host_status"),
    zone_aware_lb_config: ZONE_AWARE,
    // Endpoints are used as soon as they are known, which is what both say.
    update_merge_window: only(0),
    ignore_new_hosts_until_first_hc: only(false),
  },
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig": {},
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig": HASHING,
  "envoy.config.core.v3.HealthStatusSet": executed("statuses"),
  "envoy.config.core.v3.RuntimeDouble": {
    ...executed("default_value"),
    // There is no runtime to ask, so the default holds, as where nobody sets the key.
    ...harmless("runtime_key"),
  },
  "envoy.config.cluster.v3.LoadBalancingPolicy": executed("policies"),
  "envoy.config.cluster.v3.LoadBalancingPolicy.Policy": executed("typed_extension_config"),
  "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin": executed(
    "slow_start_config locality_lb_config",
  ),
  "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest": {
    ...executed("choice_count active_request_bias slow_start_config locality_lb_config"),
    ...executed("selection_method"),
    enable_full_scan: refused("say it as selection_method: FULL_SCAN"),
  },
  "envoy.extensions.load_balancing_policies.random.v3.Random": executed("locality_lb_config"),
  "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash": {
    ...executed("hash_function minimum_ring_size maximum_ring_size"),
    ...executed("consistent_hashing_lb_config locality_weighted_lb_config"),
    use_hostname_for_hashing: OLD_HASHING,
    hash_balance_factor: OLD_HASHING,
  },
  "envoy.extensions.load_balancing_policies.maglev.v3.Maglev": executed(
    "table_size consistent_hashing_lb_config locality_weighted_lb_config",
  ),
  "envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig": SLOW_START,
  "envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig": HASHING,
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig": {
    ...executed("locality_weighted_lb_config"),
    zone_aware_lb_config: ZONE_AWARE,
  },
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig":
    {},
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
    ...executed("timeout interval initial_jitter interval_jitter interval_jitter_percent"),
    ...executed("no_traffic_interval no_traffic_healthy_interval unhealthy_interval"),
    ...executed("unhealthy_edge_interval healthy_edge_interval unhealthy_threshold"),
    ...executed("healthy_threshold reuse_connection"),
    alt_port: refused("an endpoint's health_check_config names another port"),
    ...executed("grpc_health_check http_health_check tcp_health_check"),
    custom_health_check: refused("only checks over HTTP, gRPC and TCP are executed"),
  },
  "envoy.config.core.v3.HealthCheck.GrpcHealthCheck": executed("service_name authority"),
  "envoy.config.core.v3.HealthCheck.HttpHealthCheck": {
    ...executed("host path method receive response_buffer_size request_headers_to_add"),
    ...executed("request_headers_to_remove expected_statuses retriable_statuses"),
    ...executed("service_name_matcher"),
    codec_client_type: only("HTTP1", "HTTP2"),
    send: refused("checks have no body"),
  },
  "envoy.config.core.v3.HealthCheck.TcpHealthCheck": executed("send receive"),
  "envoy.config.core.v3.HealthCheck.Payload": executed("text binary"),
  "envoy.type.v3.Int64Range": executed("start end"),
  "envoy.config.endpoint.v3.ClusterLoadAssignment": executed("cluster_name endpoints policy"),
  "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy": {
    ...executed("overprovisioning_factor"),
    drop_overloads: refused("a share of the requests is not dropped by endpoints"),
    weighted_priority_health: only(false),
  },
  "envoy.config.endpoint.v3.LocalityLbEndpoints": executed(
    "locality lb_endpoints load_balancing_weight priority metadata",
  ),
  "envoy.config.endpoint.v3.LbEndpoint": executed(
    "endpoint health_status metadata load_balancing_weight",
  ),
  "envoy.config.endpoint.v3.Endpoint": {
    ...executed("address hostname health_check_config additional_addresses"),
  },
  "envoy.config.endpoint.v3.Endpoint.AdditionalAddress": executed("address"),
  "envoy.config.endpoint.v3.Endpoint.HealthCheckConfig": {
    ...executed("port_value hostname disable_active_health_check"),
    address: refused("an endpoint is checked at its own address"),
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
    // Secrets come from all of them; whatever else is asked for demands `ads` where it is read.
    ...executed("ads path_config_source api_config_source"),
    resource_api_version: only("AUTO", "V3"),
    // Of secrets; who asks for anything else waits for ever, and refuses another time itself.
    ...executed("initial_fetch_timeout"),
  },
  "envoy.config.core.v3.AggregatedConfigSource": {},
  "envoy.config.core.v3.PathConfigSource": {
    ...executed("path"),
    watched_directory: refused("the file itself is watched, and every link on the way to it"),
  },
  "envoy.config.core.v3.TypedExtensionConfig": executed("name typed_config"),
  "envoy.config.core.v3.DataSource": {
    // Texts of responses and logs refuse `filename` where they are read.
    ...executed("inline_string inline_bytes filename"),
  },
  "envoy.type.v3.Percent": executed("value"),
};
