import { executed, only, refused, type SupportTable } from "./support.ts";

const TREES = refused("match trees are not executed: rules and shadow_rules are");
const ONE_OF_THE_METADATA = refused("only dynamic metadata of filters is looked at");

/** Filters that decide who may do what, and the matchers that they share. */
export const POLICY_SUPPORT: SupportTable = {
  "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz": {
    ...executed("grpc_service http_service failure_mode_allow failure_mode_allow_header_add"),
    ...executed("with_request_body clear_route_cache status_on_error stat_prefix"),
    ...executed("filter_enabled_metadata metadata_context_namespaces allowed_headers"),
    ...executed("disallowed_headers include_tls_session"),
    include_peer_certificate: refused("the server is shown the client's name, not its certificate"),
    transport_api_version: only("V3"),
    validate_mutations: refused("what the server may not set is refused anyway"),
    typed_metadata_context_namespaces: ONE_OF_THE_METADATA,
    route_metadata_context_namespaces: ONE_OF_THE_METADATA,
    route_typed_metadata_context_namespaces: ONE_OF_THE_METADATA,
    filter_enabled: refused("the filter asks about every request; filter_enabled_metadata narrows"),
    deny_at_disable: refused("the filter cannot be switched off at run time"),
    bootstrap_metadata_labels_key: refused("the server is not shown the proxy's own labels"),
    charge_cluster_response_stats: refused("refusals are counted by this filter alone"),
    encode_raw_headers: refused("headers are shown as a map"),
    decoder_header_mutation_rules: refused("the server may set all headers but pseudo headers"),
    enable_dynamic_metadata_ingestion: only(true),
  },
  "envoy.extensions.filters.http.ext_authz.v3.BufferSettings": executed(
    "max_request_bytes allow_partial_message pack_as_bytes",
  ),
  "envoy.extensions.filters.http.ext_authz.v3.HttpService": executed(
    "server_uri path_prefix authorization_request authorization_response",
  ),
  "envoy.extensions.filters.http.ext_authz.v3.AuthorizationRequest": {
    ...executed("headers_to_add"),
    allowed_headers: refused("the filter's own allowed_headers takes its place"),
  },
  "envoy.extensions.filters.http.ext_authz.v3.AuthorizationResponse": executed(
    "allowed_upstream_headers allowed_upstream_headers_to_append allowed_client_headers " +
      "allowed_client_headers_on_success dynamic_metadata_from_headers",
  ),
  "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute":
    executed("disabled check_settings"),
  "envoy.extensions.filters.http.ext_authz.v3.CheckSettings": executed(
    "context_extensions disable_request_body_buffering with_request_body",
  ),
  "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication": {
    ...executed("providers rules requirement_map bypass_cors_preflight strip_failure_response"),
    filter_state_rules: refused("the data plane has no filter state"),
  },
  "envoy.extensions.filters.http.jwt_authn.v3.JwtProvider": {
    ...executed("issuer audiences subjects require_expiration max_lifetime remote_jwks"),
    ...executed("local_jwks forward from_headers from_params from_cookies"),
    ...executed("forward_payload_header pad_forward_payload_header payload_in_metadata"),
    ...executed("normalize_payload_in_metadata header_in_metadata failed_status_in_metadata"),
    ...executed("clock_skew_seconds jwt_cache_config claim_to_headers clear_route_cache"),
  },
  "envoy.extensions.filters.http.jwt_authn.v3.JwtProvider.NormalizePayload":
    executed("space_delimited_claims"),
  "envoy.extensions.filters.http.jwt_authn.v3.JwtCacheConfig": executed("jwt_cache_size"),
  "envoy.extensions.filters.http.jwt_authn.v3.RemoteJwks": executed(
    "http_uri cache_duration async_fetch retry_policy",
  ),
  "envoy.extensions.filters.http.jwt_authn.v3.JwksAsyncFetch": executed(
    "fast_listener failed_refetch_duration",
  ),
  "envoy.extensions.filters.http.jwt_authn.v3.JwtHeader": executed("name value_prefix"),
  "envoy.extensions.filters.http.jwt_authn.v3.JwtClaimToHeader": executed("header_name claim_name"),
  "envoy.extensions.filters.http.jwt_authn.v3.RequirementRule": executed(
    "match requires requirement_name",
  ),
  "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement": executed(
    "provider_name provider_and_audiences requires_any requires_all allow_missing " +
      "allow_missing_or_failed",
  ),
  "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementOrList": executed("requirements"),
  "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementAndList": executed("requirements"),
  "envoy.extensions.filters.http.jwt_authn.v3.ProviderWithAudiences":
    executed("provider_name audiences"),
  "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig": executed(
    "disabled requirement_name",
  ),
  "envoy.extensions.filters.http.rbac.v3.RBAC": {
    ...executed("rules rules_stat_prefix shadow_rules shadow_rules_stat_prefix"),
    ...executed("track_per_rule_stats"),
    matcher: TREES,
    shadow_matcher: TREES,
  },
  "envoy.extensions.filters.http.rbac.v3.RBACPerRoute": executed("rbac"),
  "envoy.extensions.filters.network.rbac.v3.RBAC": {
    ...executed("stat_prefix rules shadow_rules shadow_rules_stat_prefix"),
    matcher: TREES,
    shadow_matcher: TREES,
    // Nothing that is said of a connection changes while it lasts.
    enforcement_type: only("ONE_TIME_ON_FIRST_BYTE"),
  },
  "envoy.config.rbac.v3.RBAC": {
    ...executed("action policies"),
    audit_logging_options: refused(
      "decisions are told by access logs: %DYNAMIC_METADATA(envoy.filters.http.rbac)%",
    ),
  },
  "envoy.config.rbac.v3.Policy": {
    ...executed("permissions principals"),
    condition: refused("CEL is not executed"),
    checked_condition: refused("CEL is not executed"),
  },
  "envoy.config.rbac.v3.Permission": {
    ...executed("and_rules or_rules any header url_path destination_ip destination_port"),
    ...executed("destination_port_range metadata not_rule requested_server_name uri_template"),
    matcher: refused("of the extensions only path templates are executed, as uri_template"),
  },
  "envoy.config.rbac.v3.Permission.Set": executed("rules"),
  "envoy.config.rbac.v3.Principal": {
    ...executed("and_ids or_ids any authenticated source_ip direct_remote_ip remote_ip"),
    ...executed("header url_path metadata not_id"),
    filter_state: refused("the data plane has no filter state"),
  },
  "envoy.config.rbac.v3.Principal.Set": executed("ids"),
  "envoy.config.rbac.v3.Principal.Authenticated": executed("principal_name"),
  "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig": executed("path_template"),
  "envoy.type.matcher.v3.PathMatcher": executed("path"),
  "envoy.type.v3.Int32Range": executed("start end"),
  "envoy.config.core.v3.RetryPolicy": {
    ...executed("retry_back_off num_retries"),
    retry_on: refused("5xx, gateway errors, connection failures and resets are retried"),
  },
  "envoy.config.core.v3.BackoffStrategy": executed("base_interval max_interval"),
  "envoy.config.core.v3.HttpUri": executed("uri cluster timeout"),
  "envoy.type.matcher.v3.ListStringMatcher": executed("patterns"),
  "envoy.type.matcher.v3.MetadataMatcher": executed("filter path value invert"),
  "envoy.type.matcher.v3.MetadataMatcher.PathSegment": executed("key"),
  "envoy.type.matcher.v3.ValueMatcher": executed(
    "null_match double_match string_match bool_match present_match list_match or_match",
  ),
  "envoy.type.matcher.v3.ValueMatcher.NullMatch": {},
  "envoy.type.matcher.v3.DoubleMatcher": executed("range exact"),
  "envoy.type.v3.DoubleRange": executed("start end"),
  "envoy.type.matcher.v3.ListMatcher": executed("one_of"),
  "envoy.type.matcher.v3.OrMatcher": executed("value_matchers"),
};
