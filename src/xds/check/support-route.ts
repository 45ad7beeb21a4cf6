import { executed, harmless, only, refused, type SupportTable } from "./support.ts";

const MUTATIONS = executed(
  "request_headers_to_add request_headers_to_remove response_headers_to_add " +
    "response_headers_to_remove",
);
const PER_CLUSTER = refused("filters are told by routes, not by the clusters of a split");

/** Route configurations and everything in them. */
export const ROUTE_SUPPORT: SupportTable = {
  "envoy.config.route.v3.RouteConfiguration": {
    ...MUTATIONS,
    ...executed("name virtual_hosts max_direct_response_body_size_bytes"),
    ...executed("ignore_port_in_host_matching request_mirror_policies"),
    ...harmless("metadata"),
    most_specific_header_mutations_wins: only(false),
    // True would refuse routes to clusters that come later; we answer 503 as Envoy does with RDS.
    validate_clusters: only(false),
    ...executed("typed_per_filter_config"),
  },
  "envoy.config.route.v3.VirtualHost": {
    ...MUTATIONS,
    ...executed("name domains routes retry_policy include_request_attempt_count"),
    ...executed("include_attempt_count_in_response request_mirror_policies hedge_policy"),
    ...harmless("metadata"),
    require_tls: only("NONE"),
    ...executed("typed_per_filter_config rate_limits"),
  },
  "envoy.config.route.v3.Route": {
    ...MUTATIONS,
    ...executed("name match route redirect direct_response metadata"),
    // The name of a span, and of statistics: neither changes what happens to a request.
    ...harmless("decorator stat_prefix"),
    ...executed("typed_per_filter_config"),
  },
  "envoy.config.route.v3.RouteMatch": executed(
    "prefix path safe_regex connect_matcher path_separated_prefix case_sensitive headers " +
      "query_parameters",
  ),
  "envoy.config.route.v3.RouteMatch.ConnectMatcher": {},
  "envoy.config.route.v3.HeaderMatcher": executed(
    "name exact_match safe_regex_match present_match prefix_match suffix_match contains_match " +
      "string_match invert_match treat_missing_header_as_empty",
  ),
  "envoy.config.route.v3.QueryParameterMatcher": executed("name string_match present_match"),
  "envoy.type.matcher.v3.StringMatcher": executed(
    "exact prefix suffix safe_regex contains ignore_case",
  ),
  "envoy.type.matcher.v3.RegexMatcher": {
    ...executed("regex"),
    // The engine is RE2 syntax either way.
    ...harmless("google_re2"),
  },
  "envoy.type.matcher.v3.RegexMatchAndSubstitute": executed("pattern substitution"),
  "envoy.config.route.v3.RouteAction": {
    ...executed("cluster weighted_clusters cluster_not_found_response_code prefix_rewrite"),
    ...executed("regex_rewrite host_rewrite_literal append_x_forwarded_host timeout"),
    ...executed("host_rewrite_header host_rewrite_path_regex auto_host_rewrite"),
    ...executed("idle_timeout retry_policy max_stream_duration max_grpc_timeout"),
    ...executed("upgrade_configs hash_policy"),
    priority: only("DEFAULT"),
    ...executed("include_vh_rate_limits rate_limits"),
    internal_redirect_action: only("PASS_THROUGH_INTERNAL_REDIRECT"),
    ...executed("request_mirror_policies hedge_policy"),
    cors: refused("a CorsPolicy stands in typed_per_filter_config"),
  },
  "envoy.config.route.v3.RateLimit": {
    ...executed("actions"),
    // There is no runtime that could switch it off.
    ...harmless("disable_key"),
    stage: only(0),
    limit: refused("the data plane has no dynamic metadata"),
  },
  "envoy.config.route.v3.RateLimit.Action": {
    ...executed("request_headers remote_address generic_key header_value_match"),
    ...executed("query_parameter_value_match"),
    destination_cluster: refused("the cluster is drawn after the limit"),
    source_cluster: refused("a descriptor does not name the proxy's own cluster"),
  },
  "envoy.config.route.v3.RateLimit.Action.RequestHeaders": executed(
    "header_name descriptor_key skip_if_absent",
  ),
  "envoy.config.route.v3.RateLimit.Action.RemoteAddress": {},
  "envoy.config.route.v3.RateLimit.Action.GenericKey": executed("descriptor_value descriptor_key"),
  "envoy.config.route.v3.RateLimit.Action.HeaderValueMatch": executed(
    "descriptor_key descriptor_value expect_match headers",
  ),
  "envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch": executed(
    "descriptor_key descriptor_value expect_match query_parameters",
  ),
  "envoy.config.route.v3.RouteAction.HashPolicy": {
    ...executed("header cookie connection_properties query_parameter terminal"),
    filter_state: refused("the data plane has no filter state"),
  },
  "envoy.config.route.v3.RouteAction.HashPolicy.Header": executed("header_name regex_rewrite"),
  "envoy.config.route.v3.RouteAction.HashPolicy.Cookie": executed("name ttl path attributes"),
  "envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute": executed("name value"),
  "envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties": executed("source_ip"),
  "envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter": executed("name"),
  "envoy.config.route.v3.RouteAction.RequestMirrorPolicy": {
    ...executed("cluster runtime_fraction disable_shadow_host_suffix_append"),
    // Spans are not written.
    ...harmless("trace_sampled"),
    cluster_header: refused("a mirror's cluster is named by the configuration"),
  },
  "envoy.config.route.v3.RouteAction.MaxStreamDuration": {
    ...executed("max_stream_duration grpc_timeout_header_max"),
    grpc_timeout_header_offset: only(0),
  },
  "envoy.config.route.v3.RouteAction.UpgradeConfig": executed(
    "upgrade_type enabled connect_config",
  ),
  "envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig": {
    proxy_protocol_config: refused("the PROXY protocol is not written"),
    allow_post: only(false),
  },
  "envoy.config.route.v3.WeightedCluster": executed("clusters total_weight"),
  "envoy.config.route.v3.WeightedCluster.ClusterWeight": {
    ...MUTATIONS,
    ...executed("name weight host_rewrite_literal"),
    typed_per_filter_config: PER_CLUSTER,
  },
  "envoy.config.route.v3.RetryPolicy": {
    ...executed("retry_on num_retries per_try_timeout per_try_idle_timeout"),
    ...executed("retry_host_predicate host_selection_retry_max_attempts retriable_status_codes"),
    ...executed("retriable_headers retriable_request_headers retry_back_off"),
    ...executed("rate_limited_retry_back_off"),
    retry_priority: refused("a retry goes to the priority that any request goes to"),
    retry_options_predicates: refused("a retry goes out as the first attempt did"),
  },
  "envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff": executed(
    "reset_headers max_interval",
  ),
  "envoy.config.route.v3.RetryPolicy.ResetHeader": executed("name format"),
  "envoy.config.route.v3.HedgePolicy": {
    ...executed("hedge_on_per_try_timeout"),
    initial_requests: refused("Envoy does not execute it either"),
    additional_request_chance: refused("Envoy does not execute it either"),
  },
  "envoy.config.route.v3.RetryPolicy.RetryHostPredicate": executed("name typed_config"),
  "envoy.config.route.v3.RetryPolicy.RetryBackOff": executed("base_interval max_interval"),
  "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate": {},
  "envoy.config.route.v3.RedirectAction": executed(
    "https_redirect scheme_redirect host_redirect port_redirect path_redirect prefix_rewrite " +
      "regex_rewrite response_code strip_query",
  ),
  "envoy.config.route.v3.DirectResponseAction": executed("status body"),
  "envoy.config.core.v3.HeaderValueOption": {
    ...executed("header append append_action"),
    keep_empty_value: only(false),
  },
  "envoy.config.core.v3.HeaderValue": executed("key value"),
};
