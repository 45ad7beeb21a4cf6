import { executed, only, refused, type SupportTable } from "./support.ts";

const ONE_OF_THE_METADATA = refused("only dynamic metadata of filters is looked at");

/** Filters that decide who may do what, and the matchers that they share. */
export const POLICY_SUPPORT: SupportTable = {
  "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz": {
    ...executed("grpc_service http_service failure_mode_allow failure_mode_allow_header_add"),
    ...executed("with_request_body clear_route_cache status_on_error stat_prefix"),
    ...executed("filter_enabled_metadata metadata_context_namespaces allowed_headers"),
    ...executed("disallowed_headers include_peer_certificate include_tls_session"),
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
