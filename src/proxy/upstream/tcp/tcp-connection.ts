// hot path: no allocation per request
import type { Host } from "../../cluster/host.ts";
import type { Closing, TunnelEnd, TunnelEndOwner } from "../../tcp/tunnel-end.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import type { ResetReason } from "../stream-handler.ts";

export interface TcpConnectionOwner extends TunnelEndOwner {
  onConnected(): void;
  /** Instead of `onConnected`; nothing follows. */
  onConnectFailed(reason: ResetReason, detail: string): void;
}

/** What makes connections to one endpoint. */
export interface TcpOpener {
  /** The connection hears that it has `opened` or `failed`, at once or later. */
  open(connection: TcpConnection): void;
  /** It is over, whether or not it ever opened. */
  onClosed(connection: TcpConnection): void;
  /** What stands ready for further connections is closed. */
  drain(): void;
}

/**
 * ```
 *   connecting -> open -> closed
 *        |                  ^
 *        +------------------+
 * ```
 */
type State = "connecting" | "open" | "closed";

/**
 * A TCP connection to an endpoint, or what stands for one: counted among its cluster's connections
 * from the beginning, in the place that its owner has taken among them.
 */
export class TcpConnection implements TunnelEnd, TunnelEndOwner {
  readonly host: Host;
  readonly #owner: TcpConnectionOwner;
  readonly #openedMs: number;
  #state: State = "connecting";
  #end: TunnelEnd | undefined;
  #finished = false;
  #ended = false;
  #byPeer = false;
  /** `address:port` of this side, once it is connected. */
  localAddress = "";
  /** Undefined without TLS, and until it is open. */
  tls: TlsInfo | undefined;

  constructor(host: Host, owner: TcpConnectionOwner) {
    this.host = host;
    this.#owner = owner;
    this.#openedMs = host.cluster.context.clock.now();
  }

  connect(): void {
    this.host.tcpConnections++;
    this.host.cluster.stats.tcpConnectionOpening();
    this.host.tcp.open(this);
  }

  /** For the opener: from now on this end carries its bytes. */
  opened(end: TunnelEnd, localAddress: string): void {
    const { context, stats } = this.host.cluster;
    this.#state = "open";
    this.#end = end;
    this.localAddress = localAddress;
    stats.connectionEstablished(context.clock.now() - this.#openedMs);
    this.#owner.onConnected();
  }

  /** For the opener: there is no connection. */
  failed(reason: ResetReason, detail: string): void {
    this.host.cluster.stats.connectFailed(reason === "connection timeout");
    this.#byPeer = reason === "remote connection failure";
    this.#settle();
    this.#owner.onConnectFailed(reason, detail);
  }

  write(bytes: Buffer, start: number, end: number): void {
    this.host.cluster.stats.sent(end - start);
    this.#end?.write(bytes, start, end);
  }

  finish(): void {
    this.#finished = true;
    this.#end?.finish();
  }

  pause(): void {
    this.#end?.pause();
  }

  resume(): void {
    this.#end?.resume();
  }

  close(): void {
    this.#end?.close();
  }

  destroy(): void {
    if (this.#state === "closed") return;
    this.#end?.destroy();
    this.#settle();
  }

  reset(): void {
    if (this.#state === "closed") return;
    this.#end?.reset();
    this.#settle();
  }

  onBytes(_from: TunnelEnd, bytes: Buffer, start: number, end: number): void {
    this.host.cluster.stats.received(end - start);
    this.#owner.onBytes(this, bytes, start, end);
  }

  onBlocked(): void {
    this.#owner.onBlocked(this);
  }

  onDrained(): void {
    this.#owner.onDrained(this);
  }

  /** Whoever ends last is the one that closes the connection. */
  onEnded(): void {
    this.#ended = true;
    this.#byPeer = this.#finished;
    this.#owner.onEnded(this);
  }

  onClosed(_at: TunnelEnd, how: Closing): void {
    if (this.#state === "closed") return;
    this.#byPeer ||= how === "reset" || (how === "remote" && !this.#ended);
    this.#settle();
    this.#owner.onClosed(this, how);
  }

  onFault(error: unknown): void {
    this.#owner.onFault(error);
  }

  #settle(): void {
    const { context, limits, stats } = this.host.cluster;
    const lengthMs = context.clock.now() - this.#openedMs;
    const active = this.#state === "open";
    this.#state = "closed";
    this.#end = undefined;
    this.host.tcpConnections--;
    limits.releaseConnection();
    stats.connectionClosed(!this.#byPeer, active, lengthMs, active ? 1 : 0);
    this.host.tcp.onClosed(this);
  }
}
