import { hostname } from "node:os";
import { GRPC_STATUS_CAMEL_NAMES, GRPC_STATUS_NAMES } from "../../../codec/grpc/status.ts";
import type { RequestAccount } from "../account.ts";
import { formatFlags, formatFlagsLong } from "../response-flags.ts";
import type { LogSource } from "./logger.ts";
import { compileTimeFormat } from "./time-format.ts";

/** One request, as a format's operators see it. */
export interface LogEntry {
  readonly account: RequestAccount;
  readonly source: LogSource;
  /** When the request began, milliseconds since 1970. */
  readonly startedAtWallMs: number;
}

/** The value of one operator; empty where there is none. */
export type Operator = (entry: LogEntry) => string;

/** Operators without an argument (Envoy: configuration/observability/access_log/usage). */
const PLAIN: Readonly<Record<string, Operator>> = {
  PROTOCOL: ({ source }) => source.protocol(),
  RESPONSE_CODE: ({ account }) => String(account.code),
  RESPONSE_CODE_DETAILS: ({ account }) => account.details.replaceAll(" ", "_"),
  RESPONSE_FLAGS: ({ account }) => formatFlags(account.flags),
  RESPONSE_FLAGS_LONG: ({ account }) => formatFlagsLong(account.flags),
  BYTES_RECEIVED: ({ account }) => String(account.bodyBytesReceived),
  BYTES_SENT: ({ account }) => String(account.bodyBytesSent),
  DURATION: ({ account }) => between(account.startedAtMs, account.endedAtMs),
  REQUEST_DURATION: ({ account }) => between(account.startedAtMs, account.requestCompleteAtMs),
  RESPONSE_DURATION: ({ account }) => between(account.startedAtMs, account.upstreamFirstByteAtMs),
  RESPONSE_TX_DURATION: ({ account }) =>
    account.upstreamFirstByteAtMs === 0
      ? ""
      : between(account.upstreamFirstByteAtMs, account.endedAtMs),
  UPSTREAM_HOST: ({ source }) => source.upstreamHost(),
  UPSTREAM_REMOTE_ADDRESS: ({ source }) => source.upstreamHost(),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ source }) => hostOf(source.upstreamHost()),
  UPSTREAM_REMOTE_PORT: ({ source }) => portOf(source.upstreamHost()),
  UPSTREAM_LOCAL_ADDRESS: ({ source }) => source.upstreamLocalAddress(),
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: ({ source }) => hostOf(source.upstreamLocalAddress()),
  UPSTREAM_LOCAL_PORT: ({ source }) => portOf(source.upstreamLocalAddress()),
  UPSTREAM_CLUSTER: ({ account }) => account.cluster.name,
  UPSTREAM_CLUSTER_RAW: ({ source }) => source.upstreamCluster(),
  UPSTREAM_TRANSPORT_FAILURE_REASON: ({ source }) =>
    source.upstreamTransportFailureReason().replaceAll(" ", "_"),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: ({ account }) => String(account.attempts),
  DOWNSTREAM_LOCAL_ADDRESS: ({ source }) => source.downstreamLocalAddress(),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: ({ source }) => hostOf(source.downstreamLocalAddress()),
  DOWNSTREAM_LOCAL_PORT: ({ source }) => portOf(source.downstreamLocalAddress()),
  DOWNSTREAM_REMOTE_ADDRESS: ({ source }) => source.downstreamRemoteAddress(),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ source }) => hostOf(source.downstreamRemoteAddress()),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: ({ source }) => source.downstreamRemoteAddress(),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: ({ source }) =>
    hostOf(source.downstreamRemoteAddress()),
  DOWNSTREAM_REMOTE_PORT: ({ source }) => portOf(source.downstreamRemoteAddress()),
  CONNECTION_TERMINATION_DETAILS: ({ source }) => source.connectionTerminationDetails(),
  REQUESTED_SERVER_NAME: ({ source }) => source.requestedServerName(),
  ROUTE_NAME: ({ source }) => source.routeName(),
  GRPC_STATUS_NUMBER: ({ account }) => grpcNumber(account),
  HOSTNAME: () => hostname(),
};

/** `%GRPC_STATUS(X)%`: how it is written. */
const GRPC_FORMATS: Readonly<Record<string, Operator>> = {
  CAMEL_STRING: ({ account }) => GRPC_STATUS_CAMEL_NAMES[account.grpcStatus] ?? "",
  SNAKE_STRING: ({ account }) => GRPC_STATUS_NAMES[account.grpcStatus] ?? "",
  NUMBER: ({ account }) => grpcNumber(account),
};

const HEADERS = ["REQ", "RESP", "TRAILER"] as const;

type HeaderOperator = (typeof HEADERS)[number];

const NAMES = Object.keys(PLAIN)
  .concat("GRPC_STATUS", ...HEADERS, "START_TIME")
  .sort();

/**
 * The operator of a name and what stands in its parentheses, undefined without any. Returns what is
 * wrong as a text where there is none.
 */
export function operatorOf(name: string, argument: string | undefined): Operator | string {
  if (name === "START_TIME") return startTime(argument ?? "");
  if (name === "GRPC_STATUS") return grpcStatus(argument ?? "CAMEL_STRING");
  if (isHeaderOperator(name)) return header(name, argument ?? "");
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (plain === undefined) return `${name} is none of the operators ${NAMES.join(", ")}`;
  return argument === undefined ? plain : `${name} takes no argument`;
}

function startTime(format: string): Operator | string {
  const compiled = compileTimeFormat(format);
  if (typeof compiled === "string") return compiled;
  return ({ startedAtWallMs }) => compiled(new Date(startedAtWallMs));
}

function grpcStatus(format: string): Operator | string {
  const operator = Object.hasOwn(GRPC_FORMATS, format) ? GRPC_FORMATS[format] : undefined;
  return operator ?? `GRPC_STATUS takes one of ${Object.keys(GRPC_FORMATS).join(", ")}`;
}

function isHeaderOperator(name: string): name is HeaderOperator {
  return (HEADERS as readonly string[]).includes(name);
}

/** `X?Y`: the header X, or where it is missing, Y. */
function header(name: HeaderOperator, argument: string): Operator | string {
  const [first = "", second = "", ...more] = argument.toLowerCase().split("?");
  if (first === "" || more.length > 0) return `${name} takes one or two names: ${name}(X?Y)`;
  switch (name) {
    case "REQ":
      return ({ source }) => source.requestHeader(first) || source.requestHeader(second);
    case "RESP":
      return ({ source }) => source.responseHeader(first) || source.responseHeader(second);
    case "TRAILER":
      return ({ source }) => source.responseTrailer(first) || source.responseTrailer(second);
  }
}

/** Whole milliseconds; empty while the end is not known. */
function between(fromMs: number, toMs: number): string {
  return toMs === 0 ? "" : String(Math.floor(toMs - fromMs));
}

function grpcNumber({ grpcStatus }: RequestAccount): string {
  return grpcStatus < 0 ? "" : String(grpcStatus);
}

function hostOf(address: string): string {
  const colon = address.lastIndexOf(":");
  return colon < 0 ? address : address.slice(0, colon).replaceAll(/[[\]]/g, "");
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}
