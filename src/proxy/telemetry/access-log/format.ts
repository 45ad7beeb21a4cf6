import type { Environment } from "../../../base/environment.ts";
import type { AccessLogFormat, TextLogFormat } from "../../../model/log/access-log.ts";
import { compileFormat, type FormatPart } from "../../format/compile-format.ts";
import type { Operator } from "../../format/operators.ts";
import type { FormatSource } from "../../format/source.ts";
import { escapeLogValue } from "./escape.ts";
import { JsonTemplate } from "./json-format.ts";

/** Envoy's default (configuration/observability/access_log/usage, "Default format string"). */
export const ENVOY_LOG_FORMAT: TextLogFormat = {
  kind: "text",
  text:
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" ' +
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% " +
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n',
  omitEmptyValues: false,
};

/** A compiled format: one line a request. */
export interface LogFormat {
  format(source: FormatSource): string;
}

/** Throws a RangeError that names everything wrong with a text, each with its position. */
export function compileLogFormat(format: AccessLogFormat, environment?: Environment): LogFormat {
  const options = environment === undefined ? {} : { environment };
  if (format.kind === "json") return new JsonTemplate(format, options);
  const parts = compileFormat(format.text, options);
  const missing = format.omitEmptyValues ? "" : "-";
  return { format: (source) => formatLine(parts, source, missing) };
}

function formatLine(parts: readonly FormatPart[], source: FormatSource, missing: string): string {
  let line = "";
  for (const part of parts) line += typeof part === "string" ? part : shown(part(source), missing);
  return line;
}

function shown(value: ReturnType<Operator>, missing: string): string {
  if (value === undefined) return missing;
  return typeof value === "string" ? escapeLogValue(value) : String(value);
}
