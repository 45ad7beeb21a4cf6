import type { Clock } from "../../../base/clock.ts";
import { EmptySource, type FormatFigures } from "../../format/source.ts";
import type { AccessLogger } from "../../telemetry/access-log/logger.ts";
import { FLAG_NR } from "../../telemetry/response-flags.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import type { Accepted } from "../accepted.ts";

/** What is counted of a connection as such. */
class ConnectionFigures implements FormatFigures {
  readonly startedAtMs: number;
  endedAtMs = 0;
  flags = 0;
  details = "";
  bodyBytesReceived = 0;
  bodyBytesSent = 0;
  readonly requestCompleteAtMs = 0;
  readonly upstreamFirstByteAtMs = 0;
  readonly code = 0;
  readonly grpcStatus = -1;
  readonly attempts = 0;
  readonly wireBytesReceived = 0;
  readonly wireBytesSent = 0;

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs;
  }
}

/**
 * The line of one connection in its listener's access logs, written when it has closed: also of
 * one that nobody serves, or whose handshake fails (Envoy: Listener.access_log).
 */
export class ConnectionLog extends EmptySource {
  readonly #accepted: Accepted;
  readonly #clock: Clock;
  readonly #figures: ConnectionFigures;
  #chainName = "";
  #failure = "";
  #shown: TlsInfo | undefined;
  readonly #loggers: readonly AccessLogger[];
  /** A socket may close before its handshake is said to have failed. */
  #shaking = false;
  #closed = false;

  /** Follows the connection until it closes. */
  constructor(accepted: Accepted, clock: Clock, loggers: readonly AccessLogger[]) {
    const figures = new ConnectionFigures(accepted.acceptedMs ?? clock.now());
    super(figures);
    this.#accepted = accepted;
    this.#clock = clock;
    this.#figures = figures;
    this.#loggers = loggers;
    accepted.socket.once("close", () => {
      figures.endedAtMs = clock.now();
      this.#closed = true;
      this.#count();
      this.#writeOnceOver();
    });
  }

  /** No filter chain is for it. */
  unmatched(): void {
    this.#figures.flags |= FLAG_NR;
    this.#figures.details = "filter_chain_not_found";
  }

  matched(chainName: string): void {
    this.#chainName = chainName;
  }

  handshakeBegins(): void {
    this.#shaking = true;
  }

  handshakeSucceeded(): void {
    this.#shaking = false;
  }

  /** `tls`: as far as the handshake got. */
  handshakeFailed(reason: string, tls: TlsInfo | undefined): void {
    this.#failure = reason;
    this.#shown = tls;
    this.#shaking = false;
    this.#writeOnceOver();
  }

  override startedAtWallMs(): number {
    return this.#clock.wall() - (this.#clock.now() - this.account.startedAtMs);
  }

  override downstreamLocalAddress(): string {
    return this.#accepted.localAddress;
  }

  override downstreamRemoteAddress(): string {
    return this.#accepted.remoteAddress;
  }

  override downstreamDirectRemoteAddress(): string {
    return this.#accepted.directRemoteAddress;
  }

  override downstreamTls(): TlsInfo | undefined {
    return this.#accepted.tls ?? this.#shown;
  }

  override downstreamTransportFailureReason(): string {
    return this.#failure;
  }

  override requestedServerName(): string {
    return this.#accepted.serverName;
  }

  override filterChainName(): string {
    return this.#chainName;
  }

  override logType(): string {
    return "NotSet";
  }

  #writeOnceOver(): void {
    if (!this.#closed || this.#shaking) return;
    for (const logger of this.#loggers) logger.log(this);
  }

  /** What was said on it, TLS taken away; what nobody took is not counted. */
  #count(): void {
    if (this.#chainName === "" && this.#figures.flags !== 0) return;
    const { socket } = this.#accepted;
    if (this.#shaking || this.#failure !== "") return;
    this.#figures.bodyBytesReceived = socket.bytesRead;
    this.#figures.bodyBytesSent = socket.bytesWritten;
  }
}
