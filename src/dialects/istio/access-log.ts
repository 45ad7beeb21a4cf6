import type { AccessLog, AccessLogFormat, JsonFields } from "../../model/log/access-log.ts";
import type { Spec } from "./spec.ts";

/** Istio's `accessLogFormat` where none is set, encoding TEXT (istio: pilot/pkg/model). */
const TEXT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" ' +
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% " +
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ' +
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% ' +
  "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% " +
  "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

/** The same with encoding JSON. */
const JSON_FIELDS: JsonFields = {
  start_time: "%START_TIME%",
  route_name: "%ROUTE_NAME%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  response_code: "%RESPONSE_CODE%",
  response_flags: "%RESPONSE_FLAGS%",
  response_code_details: "%RESPONSE_CODE_DETAILS%",
  connection_termination_details: "%CONNECTION_TERMINATION_DETAILS%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  duration: "%DURATION%",
  upstream_service_time: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  x_forwarded_for: "%REQ(X-FORWARDED-FOR)%",
  user_agent: "%REQ(USER-AGENT)%",
  request_id: "%REQ(X-REQUEST-ID)%",
  authority: "%REQ(:AUTHORITY)%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_cluster: "%UPSTREAM_CLUSTER_RAW%",
  upstream_local_address: "%UPSTREAM_LOCAL_ADDRESS%",
  downstream_local_address: "%DOWNSTREAM_LOCAL_ADDRESS%",
  downstream_remote_address: "%DOWNSTREAM_REMOTE_ADDRESS%",
  requested_server_name: "%REQUESTED_SERVER_NAME%",
  upstream_transport_failure_reason: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
};

/** MeshConfig's `accessLogFile`, `accessLogEncoding` and `accessLogFormat`; no file, no log. */
export function readAccessLogs(config: Spec): readonly AccessLog[] {
  const path = config.at("accessLogFile").text() ?? "";
  if (path === "") return [];
  const json = config.at("accessLogEncoding").text() === "JSON";
  const format = json ? readJson(config.at("accessLogFormat")) : readText(config);
  return [{ path, format, filter: undefined }];
}

function readText(config: Spec): AccessLogFormat {
  const written = config.at("accessLogFormat").text() ?? "";
  const text = written === "" ? TEXT : written;
  return {
    kind: "text",
    text: text.endsWith("\n") ? text : `${text}\n`,
    omitEmptyValues: false,
  };
}

function readJson(format: Spec): AccessLogFormat {
  const text = format.text() ?? "";
  return { kind: "json", fields: fieldsOf(text, format), omitEmptyValues: false };
}

/** What is no JSON object leaves Istio's default, as there. */
function fieldsOf(text: string, format: Spec): JsonFields {
  if (text === "") return JSON_FIELDS;
  const fields = parsed(text);
  if (typeof fields === "object" && fields !== null && !Array.isArray(fields)) {
    return fields as JsonFields;
  }
  format.refuse("accessLogFormat: not a JSON object, which encoding JSON wants");
  return JSON_FIELDS;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
