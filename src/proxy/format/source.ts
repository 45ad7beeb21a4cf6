import type { DynamicMetadata } from "../filters/dynamic-metadata.ts";
import type { TlsInfo } from "../tls/tls-info.ts";

/** What has been counted of a request or a connection. `RequestAccount` says what each is. */
export interface FormatFigures {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly requestCompleteAtMs: number;
  readonly upstreamFirstByteAtMs: number;
  readonly code: number;
  readonly flags: number;
  readonly details: string;
  readonly grpcStatus: number;
  readonly attempts: number;
  readonly bodyBytesReceived: number;
  readonly bodyBytesSent: number;
  readonly wireBytesReceived: number;
  readonly wireBytesSent: number;
}

/**
 * What `%OPERATORS%` of log formats and header values ask about. Strings are made only when
 * somebody asks, and are empty where nothing is known.
 */
export interface FormatSource {
  readonly account: FormatFigures;
  /** When it began, milliseconds since 1970. */
  startedAtWallMs(): number;
  /** `HTTP/1.1`. */
  protocol(): string;
  /** A request header by its lower-case name; `:method`, `:path`, `:authority`, `:scheme` too. */
  requestHeader(name: string): string | undefined;
  /** A response header as it went downstream. */
  responseHeader(name: string): string | undefined;
  /** As `responseHeader`, of what came behind the body. */
  responseTrailer(name: string): string | undefined;
  /** `127.0.0.1:9000`, empty while no endpoint was picked; likewise below. */
  upstreamHost(): string;
  /** As the endpoint's configuration names it; else its address. */
  upstreamHostName(): string;
  upstreamCluster(): string;
  /** Its name in statistics. */
  upstreamClusterStatName(): string;
  /** Of the connection; empty while there is none. */
  upstreamRemoteAddress(): string;
  upstreamLocalAddress(): string;
  upstreamProtocol(): string;
  upstreamTls(): TlsInfo | undefined;
  upstreamTransportFailureReason(): string;
  downstreamLocalAddress(): string;
  /** Whom proxies in front say it is, where the listener is told to believe them. */
  downstreamRemoteAddress(): string;
  /** The connection's other end. */
  downstreamDirectRemoteAddress(): string;
  downstreamTls(): TlsInfo | undefined;
  /** Why the handshake with the client has failed. */
  downstreamTransportFailureReason(): string;
  connectionTerminationDetails(): string;
  /** What filters have said of it; undefined where none has. */
  dynamicMetadata(): DynamicMetadata | undefined;
  requestedServerName(): string;
  routeName(): string;
  filterChainName(): string;
  /** `DownstreamEnd`, `TcpConnectionEnd`. */
  logType(): string;
}

const NO_FIGURES: FormatFigures = {
  startedAtMs: 0,
  endedAtMs: 0,
  requestCompleteAtMs: 0,
  upstreamFirstByteAtMs: 0,
  code: 0,
  flags: 0,
  details: "",
  grpcStatus: -1,
  attempts: 0,
  bodyBytesReceived: 0,
  bodyBytesSent: 0,
  wireBytesReceived: 0,
  wireBytesSent: 0,
};

/** A source that knows nothing: of connections that are no requests, what is asked most. */
export class EmptySource implements FormatSource {
  readonly account: FormatFigures;

  constructor(account: FormatFigures = NO_FIGURES) {
    this.account = account;
  }

  startedAtWallMs(): number {
    return 0;
  }

  protocol(): string {
    return "";
  }

  requestHeader(_name: string): string | undefined {
    return undefined;
  }

  responseHeader(_name: string): string | undefined {
    return undefined;
  }

  responseTrailer(_name: string): string | undefined {
    return undefined;
  }

  upstreamHost(): string {
    return "";
  }

  upstreamHostName(): string {
    return this.upstreamHost();
  }

  upstreamCluster(): string {
    return "";
  }

  upstreamClusterStatName(): string {
    return this.upstreamCluster();
  }

  upstreamRemoteAddress(): string {
    return this.upstreamHost();
  }

  upstreamLocalAddress(): string {
    return "";
  }

  upstreamProtocol(): string {
    return "";
  }

  upstreamTls(): TlsInfo | undefined {
    return undefined;
  }

  upstreamTransportFailureReason(): string {
    return "";
  }

  downstreamLocalAddress(): string {
    return "";
  }

  downstreamRemoteAddress(): string {
    return this.downstreamDirectRemoteAddress();
  }

  downstreamDirectRemoteAddress(): string {
    return "";
  }

  downstreamTls(): TlsInfo | undefined {
    return undefined;
  }

  downstreamTransportFailureReason(): string {
    return "";
  }

  connectionTerminationDetails(): string {
    return "";
  }

  dynamicMetadata(): DynamicMetadata | undefined {
    return undefined;
  }

  requestedServerName(): string {
    return "";
  }

  routeName(): string {
    return "";
  }

  filterChainName(): string {
    return "";
  }

  logType(): string {
    return "";
  }
}
