import type { RequestAccount } from "../account.ts";

/** What a log line asks of an exchange; strings are made only when a log is configured. */
export interface LogSource {
  /** `HTTP/1.1`. */
  protocol(): string;
  /** A request header by its lower-case name; `:method`, `:path`, `:authority`, `:scheme` too. */
  requestHeader(name: string): string;
  /** A response header as it went downstream; empty where there is none. */
  responseHeader(name: string): string;
  /** As `responseHeader`, of what came behind the body. */
  responseTrailer(name: string): string;
  /** `127.0.0.1:9000`, empty while no endpoint was picked; likewise below. */
  upstreamHost(): string;
  upstreamCluster(): string;
  upstreamLocalAddress(): string;
  upstreamTransportFailureReason(): string;
  downstreamLocalAddress(): string;
  downstreamRemoteAddress(): string;
  connectionTerminationDetails(): string;
  requestedServerName(): string;
  routeName(): string;
}

/** Writes one line a request. Never blocks and never throws. */
export interface AccessLogger {
  log(account: RequestAccount, source: LogSource): void;
}
