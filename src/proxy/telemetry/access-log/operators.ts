import { hostname } from "node:os";
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

/** gRPC's status codes by number, in Envoy's spelling. */
const GRPC_NAMES = (
  "OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied " +
  "ResourceExhausted FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable " +
  "DataLoss Unauthenticated"
).split(" ");

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
  GRPC_STATUS: ({ account }) => GRPC_NAMES[account.grpcStatus] ?? grpcNumber(account),
  GRPC_STATUS_NUMBER: ({ account }) => grpcNumber(account),
  HOSTNAME: () => hostname(),
};

const NAMES = Object.keys(PLAIN).concat("REQ", "RESP", "START_TIME").sort();

/**
 * The operator of a name and what stands in its parentheses, undefined without any. Returns what is
 * wrong as a text where there is none.
 */
export function operatorOf(name: string, argument: string | undefined): Operator | string {
  if (name === "START_TIME") return startTime(argument ?? "");
  if (name === "REQ" || name === "RESP") return header(name, argument ?? "");
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (plain === undefined) return `${name} is none of the operators ${NAMES.join(", ")}`;
  return argument === undefined ? plain : `${name} takes no argument`;
}

function startTime(format: string): Operator | string {
  const compiled = compileTimeFormat(format);
  if (typeof compiled === "string") return compiled;
  return ({ startedAtWallMs }) => compiled(new Date(startedAtWallMs));
}

/** `X?Y`: the header X, or where it is missing, Y. */
function header(name: "REQ" | "RESP", argument: string): Operator | string {
  const [first = "", second = "", ...more] = argument.toLowerCase().split("?");
  if (first === "" || more.length > 0) return `${name} takes one or two names: ${name}(X?Y)`;
  return name === "REQ"
    ? ({ source }) => source.requestHeader(first) || source.requestHeader(second)
    : ({ source }) => source.responseHeader(first) || source.responseHeader(second);
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
