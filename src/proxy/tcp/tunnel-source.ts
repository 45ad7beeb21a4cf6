import type { Clock } from "../../base/clock.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { DynamicMetadata } from "../filters/dynamic-metadata.ts";
import { EmptySource, type FormatFigures } from "../format/source.ts";
import type { TlsInfo } from "../tls/tls-info.ts";
import type { TcpConnection } from "../upstream/tcp/tcp-connection.ts";
import type { TunnelClient } from "./tunnel-end.ts";

/** What is counted of one connection, for its line in the access log. */
export class TunnelFigures implements FormatFigures {
  readonly startedAtMs: number;
  endedAtMs = 0;
  readonly requestCompleteAtMs: number = 0;
  readonly upstreamFirstByteAtMs: number = 0;
  readonly code: number = 0;
  /** `FLAG_…` bits of response-flags.ts. */
  flags = 0;
  readonly details: string = "";
  readonly grpcStatus: number = -1;
  /** Endpoints that were tried. */
  attempts = 0;
  bodyBytesReceived = 0;
  bodyBytesSent = 0;
  /** Why a policy has ended it; empty: none has. */
  terminationDetails = "";
  /** What policies have said of it. */
  metadata: DynamicMetadata | undefined;

  constructor(nowMs: number) {
    this.startedAtMs = nowMs;
  }

  get wireBytesReceived(): number {
    return this.bodyBytesReceived;
  }

  get wireBytesSent(): number {
    return this.bodyBytesSent;
  }
}

/** Where a connection has gone; undefined as far as it did not get. */
export interface TunnelWay {
  readonly cluster: UpstreamCluster | undefined;
  readonly host: Host | undefined;
  readonly up: TcpConnection | undefined;
  readonly failureDetail: string;
  readonly chainName: string;
}

/** A connection in words, for its line in the access log. */
export class TunnelSource extends EmptySource {
  readonly #figures: TunnelFigures;
  readonly #client: TunnelClient;
  readonly #way: TunnelWay;
  readonly #clock: Clock;

  constructor(figures: TunnelFigures, client: TunnelClient, way: TunnelWay, clock: Clock) {
    super(figures);
    this.#figures = figures;
    this.#client = client;
    this.#way = way;
    this.#clock = clock;
  }

  override startedAtWallMs(): number {
    return this.#clock.wall() - (this.#clock.now() - this.account.startedAtMs);
  }

  override upstreamHost(): string {
    return this.#way.host?.text ?? "";
  }

  override upstreamHostName(): string {
    const { host } = this.#way;
    return host?.endpoint.hostname || this.upstreamHost();
  }

  override upstreamCluster(): string {
    return this.#way.cluster?.name ?? "";
  }

  override upstreamClusterStatName(): string {
    return this.#way.cluster?.stats.name ?? "";
  }

  override upstreamLocalAddress(): string {
    return this.#way.up?.localAddress ?? "";
  }

  override upstreamTls(): TlsInfo | undefined {
    return this.#way.up?.tls;
  }

  override upstreamTransportFailureReason(): string {
    return this.#way.failureDetail;
  }

  override downstreamLocalAddress(): string {
    return this.#client.localAddress;
  }

  override downstreamRemoteAddress(): string {
    return this.#client.remoteAddress;
  }

  override downstreamDirectRemoteAddress(): string {
    return this.#client.directRemoteAddress;
  }

  override downstreamTls(): TlsInfo | undefined {
    return this.#client.tls;
  }

  override connectionTerminationDetails(): string {
    return this.#figures.terminationDetails;
  }

  override dynamicMetadata(): DynamicMetadata | undefined {
    return this.#figures.metadata;
  }

  override requestedServerName(): string {
    return this.#client.serverName;
  }

  override filterChainName(): string {
    return this.#way.chainName;
  }

  override logType(): string {
    return "TcpConnectionEnd";
  }
}
