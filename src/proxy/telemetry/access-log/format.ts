import { escapeLogValue } from "./escape.ts";
import { type LogEntry, type Operator, operatorOf } from "./operators.ts";

/** Envoy's default (configuration/observability/access_log/usage, "Default format string"). */
export const ENVOY_LOG_FORMAT: string =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" ' +
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% " +
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

/** Istio's `accessLogFormat` where none is set, encoding TEXT (istio: pilot/pkg/model). */
export const ISTIO_LOG_FORMAT: string =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" ' +
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% " +
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ' +
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% ' +
  "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% " +
  "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

/** `%%`, or an operator: name, argument in parentheses, length; or a sign that begins neither. */
const OPERATOR = /%%|%(?<name>[A-Z_0-9]+)(?:\((?<argument>[^)]*)\))?(?::(?<length>\d+))?%|%/g;

/** What a missing value looks like. */
const MISSING = "-";

/** A compiled format: one line a request. */
export interface LogFormat {
  format(entry: LogEntry): string;
}

/**
 * Compiles an Envoy format string. Throws a RangeError that names everything wrong with it, each
 * with its position.
 */
export function compileLogFormat(text: string): LogFormat {
  const parts: Part[] = [];
  const problems: string[] = [];
  let end = 0;
  for (const match of text.matchAll(OPERATOR)) {
    parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const part = match[0] === "%%" ? "%" : partOf(match.groups ?? {});
    if (typeof part !== "object") parts.push(part);
    else problems.push(`at character ${match.index + 1}, ${match[0]}: ${part.problem}`);
  }
  if (problems.length > 0) throw new RangeError(`access log format ${problems.join("; ")}`);
  parts.push(text.slice(end));
  return { format: (entry) => formatLine(parts, entry) };
}

type Part = string | Operator;

interface Problem {
  readonly problem: string;
}

function formatLine(parts: readonly Part[], entry: LogEntry): string {
  let line = "";
  for (const part of parts) line += typeof part === "string" ? part : part(entry);
  return line;
}

function partOf(groups: Record<string, string | undefined>): Operator | Problem {
  const { name, argument, length } = groups;
  if (name === undefined) return { problem: "no operator begins here; %% writes a percent sign" };
  const operator = operatorOf(name, argument);
  if (typeof operator === "string") return { problem: operator };
  const charsMax = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
  return (entry) => {
    const value = operator(entry);
    return value === "" ? MISSING : escapeLogValue(value.slice(0, charsMax));
  };
}
