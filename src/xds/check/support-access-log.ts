import { executed, harmless, refused, type SupportTable } from "./support.ts";

/** Access logs: where lines go, what they say, and which requests have one. */
export const ACCESS_LOG_SUPPORT: SupportTable = {
  "envoy.config.accesslog.v3.AccessLog": executed("name typed_config filter"),
  "envoy.extensions.access_loggers.file.v3.FileAccessLog": {
    ...executed("path format log_format"),
    json_format: refused("log_format.json_format says the same"),
    typed_json_format: refused("log_format.json_format says the same"),
  },
  "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog": executed("log_format"),
  "envoy.extensions.access_loggers.stream.v3.StderrAccessLog": executed("log_format"),
  "envoy.config.core.v3.SubstitutionFormatString": {
    ...executed("text_format text_format_source json_format omit_empty_values"),
    // Lines are no responses, and properties are sorted either way.
    ...harmless("content_type json_format_options"),
    formatters: refused("Envoy's formatter extensions are not executed"),
  },
  "envoy.config.accesslog.v3.AccessLogFilter": {
    ...executed("status_code_filter duration_filter not_health_check_filter runtime_filter"),
    ...executed("and_filter or_filter header_filter response_flag_filter grpc_status_filter"),
    ...executed("log_type_filter metadata_filter"),
    traceable_filter: refused("spans are not written yet"),
    extension_filter: refused("filters in CEL and the like are not executed"),
  },
  "envoy.config.accesslog.v3.MetadataFilter": executed("matcher match_if_key_not_found"),
  "envoy.config.accesslog.v3.ComparisonFilter": executed("op value"),
  "envoy.config.accesslog.v3.StatusCodeFilter": executed("comparison"),
  "envoy.config.accesslog.v3.DurationFilter": executed("comparison"),
  "envoy.config.accesslog.v3.NotHealthCheckFilter": {},
  "envoy.config.accesslog.v3.RuntimeFilter": {
    ...executed("percent_sampled use_independent_randomness"),
    // There is no runtime to be asked.
    ...harmless("runtime_key"),
  },
  "envoy.config.accesslog.v3.AndFilter": executed("filters"),
  "envoy.config.accesslog.v3.OrFilter": executed("filters"),
  "envoy.config.accesslog.v3.HeaderFilter": executed("header"),
  "envoy.config.accesslog.v3.ResponseFlagFilter": executed("flags"),
  "envoy.config.accesslog.v3.GrpcStatusFilter": executed("statuses exclude"),
  "envoy.config.accesslog.v3.LogTypeFilter": executed("types exclude"),
  "envoy.config.core.v3.RuntimeUInt32": {
    ...executed("default_value"),
    ...harmless("runtime_key"),
  },
};
