import { hostname } from "node:os";
import { type Environment, systemEnvironment } from "../../base/environment.ts";
import { GRPC_STATUS_CAMEL_NAMES, GRPC_STATUS_NAMES } from "../../codec/grpc/status.ts";
import { formatFlags, formatFlagsLong } from "../telemetry/response-flags.ts";
import { ADDRESS_OPERATORS } from "./address-operators.ts";
import { commonDuration, DURATION_OPERATORS } from "./duration-operators.ts";
import { HEADER_OPERATORS } from "./header-operators.ts";
import { dynamicMetadata, JsonText } from "./metadata-operator.ts";
import type { FormatFigures, FormatSource } from "./source.ts";
import { compileTimeFormat } from "./time-format.ts";
import { CERTIFICATE_TIMES, TLS_OPERATORS } from "./tls-operators.ts";

/**
 * The value of one operator: a number or JSON where a log of JSON shall have that, undefined where
 * there is none.
 * Envoy: configuration/advanced/substitution_formatter.
 */
export type Operator = (source: FormatSource) => string | number | JsonText | undefined;

/** Makes an operator of what stands in its parentheses; a text says what is wrong with that. */
export type MakeOperator = (argument: string) => Operator | string;

/** Operators without an argument. */
const PLAIN: Readonly<Record<string, Operator>> = {
  ...ADDRESS_OPERATORS,
  ...DURATION_OPERATORS,
  ...TLS_OPERATORS,
  ACCESS_LOG_TYPE: (source) => source.logType(),
  BYTES_RECEIVED: ({ account }) => account.bodyBytesReceived,
  BYTES_SENT: ({ account }) => account.bodyBytesSent,
  CONNECTION_TERMINATION_DETAILS: (source) => source.connectionTerminationDetails(),
  DOWNSTREAM_WIRE_BYTES_RECEIVED: ({ account }) => account.wireBytesReceived,
  DOWNSTREAM_WIRE_BYTES_SENT: ({ account }) => account.wireBytesSent,
  FILTER_CHAIN_NAME: (source) => source.filterChainName(),
  GRPC_STATUS_NUMBER: ({ account }) => grpcNumber(account),
  HOSTNAME: () => hostname(),
  PROTOCOL: (source) => source.protocol(),
  REQUESTED_SERVER_NAME: (source) => source.requestedServerName(),
  RESPONSE_CODE: ({ account }) => account.code,
  RESPONSE_FLAGS: ({ account }) => formatFlags(account.flags),
  RESPONSE_FLAGS_LONG: ({ account }) => formatFlagsLong(account.flags),
  ROUTE_NAME: (source) => source.routeName(),
  STREAM_ID: (source) => source.requestHeader("x-request-id"),
  UPSTREAM_CLUSTER: (source) => source.upstreamClusterStatName(),
  UPSTREAM_CLUSTER_RAW: (source) => source.upstreamCluster(),
  UPSTREAM_PROTOCOL: (source) => source.upstreamProtocol(),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: ({ account }) => account.attempts,
  UPSTREAM_TRANSPORT_FAILURE_REASON: (source) =>
    source.upstreamTransportFailureReason().replaceAll(" ", "_"),
  // There are none: configuration for them is refused.
  VIRTUAL_CLUSTER_NAME: () => undefined,
};

const NO_ARGUMENT = "";

/** Operators that take an argument, or may: those have a meaning with the empty one. */
const WITH_ARGUMENT: Readonly<Record<string, MakeOperator>> = {
  ...HEADER_OPERATORS,
  ...CERTIFICATE_TIMES,
  COMMON_DURATION: commonDuration,
  DYNAMIC_METADATA: dynamicMetadata,
  EMIT_TIME: (format) => timeOperator(format, emittedAtWallMs),
  GRPC_STATUS: grpcStatus,
  RESPONSE_CODE_DETAILS: responseCodeDetails,
  START_TIME: (format) => timeOperator(format, (source) => source.startedAtWallMs()),
};

/** What Envoy has, and nothing here sets. */
const UNSET: Readonly<Record<string, string>> = {
  CLUSTER_METADATA: "metadata is not read here",
  FILTER_STATE: "there is no filter state here",
  METADATA: "metadata is not read here",
  SPAN_ID: "spans are not written here",
  TRACE_ID: "spans are not written here",
  UPSTREAM_METADATA: "metadata is not read here",
};

const NAMES = [PLAIN, WITH_ARGUMENT, { ENVIRONMENT: 0 }].flatMap((table) => Object.keys(table));

export interface OperatorOptions {
  /** Of `%ENVIRONMENT(X)%`. */
  readonly environment?: Environment;
}

/**
 * The operator of a name, with what stands in its parentheses (undefined without any) and how many
 * characters it may have. Returns what is wrong as a text where there is none.
 */
export function operatorOf(
  name: string,
  argument: string | undefined,
  charsMax: number | undefined,
  { environment = systemEnvironment }: OperatorOptions = {},
): Operator | string {
  if (Object.hasOwn(PLAIN, name)) {
    if (argument !== undefined) return `${name} takes no argument`;
    return charsMax === undefined ? known(PLAIN[name] as Operator) : `${name} takes no length`;
  }
  const operator = withArgument(name, argument ?? NO_ARGUMENT, environment);
  if (typeof operator === "string" || charsMax === undefined) return operator;
  if (/_(?:TIME|V_START|V_END)$/.test(name)) return `${name} takes no length`;
  return (source) => cut(operator(source), charsMax);
}

/** Sources say nothing of what they do not know. */
function known(operator: Operator): Operator {
  return (source) => {
    const value = operator(source);
    return value === "" ? undefined : value;
  };
}

function withArgument(name: string, argument: string, environment: Environment): Operator | string {
  if (name === "ENVIRONMENT") return environmentOperator(argument, environment);
  const make = Object.hasOwn(WITH_ARGUMENT, name) ? WITH_ARGUMENT[name] : undefined;
  if (make !== undefined) return make(argument);
  if (Object.hasOwn(UNSET, name)) return `${name} is not executed: ${UNSET[name]}`;
  return `${name} is none of the operators ${NAMES.sort().join(", ")}`;
}

function cut(value: ReturnType<Operator>, charsMax: number): ReturnType<Operator> {
  if (value instanceof JsonText) return value.json.slice(0, charsMax);
  return typeof value === "string" ? value.slice(0, charsMax) : value;
}

function timeOperator(format: string, at: (source: FormatSource) => number): Operator | string {
  const compiled = compileTimeFormat(format);
  if (typeof compiled === "string") return compiled;
  return (source) => compiled(new Date(at(source)));
}

function emittedAtWallMs(source: FormatSource): number {
  const { startedAtMs, endedAtMs } = source.account;
  return source.startedAtWallMs() + (endedAtMs === 0 ? 0 : endedAtMs - startedAtMs);
}

/** Read once: it does not change while the program runs. */
function environmentOperator(name: string, environment: Environment): Operator | string {
  if (name === "") return "ENVIRONMENT takes the name of a variable: ENVIRONMENT(X)";
  const value = environment(name) ?? "-";
  return () => value;
}

function responseCodeDetails(argument: string): Operator | string {
  if (argument === "ALLOW_WHITESPACES") return ({ account }) => account.details || undefined;
  if (argument !== "") return "RESPONSE_CODE_DETAILS takes ALLOW_WHITESPACES, or nothing";
  return ({ account }) => account.details.replaceAll(" ", "_") || undefined;
}

/** `%GRPC_STATUS(X)%`: how it is written. */
const GRPC_FORMATS: Readonly<Record<string, Operator>> = {
  CAMEL_STRING: ({ account }) => GRPC_STATUS_CAMEL_NAMES[account.grpcStatus],
  SNAKE_STRING: ({ account }) => GRPC_STATUS_NAMES[account.grpcStatus],
  NUMBER: ({ account }) => grpcNumber(account),
};

function grpcStatus(argument: string): Operator | string {
  const format = argument === "" ? "CAMEL_STRING" : argument;
  const operator = Object.hasOwn(GRPC_FORMATS, format) ? GRPC_FORMATS[format] : undefined;
  return operator ?? `GRPC_STATUS takes one of ${Object.keys(GRPC_FORMATS).join(", ")}`;
}

function grpcNumber({ grpcStatus: status }: FormatFigures): number | undefined {
  return status < 0 ? undefined : status;
}
