import type { Socket } from "node:net";
import type { TcpProxy } from "../../model/listener.ts";
import type { ClusterSlot } from "../cluster/cluster-slot.ts";
import type { Host } from "../cluster/host.ts";
import type { ProxyContext, UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { contained } from "../faults.ts";
import type { TcpStats } from "../telemetry/envoy/tcp-stats.ts";
import { FLAG_NR, FLAG_UF, FLAG_UH, FLAG_UO } from "../telemetry/response-flags.ts";
import { TcpAccount } from "../telemetry/standard/series.ts";
import { UNKNOWN_PEER } from "../telemetry/standard/workload.ts";
import { dial, dialTls } from "../upstream/dial.ts";
import type { Accepted } from "./accepted.ts";

/** A TCP proxy filter at work. */
export interface CompiledTcpProxy {
  readonly config: TcpProxy;
  readonly context: ProxyContext;
  readonly stats: TcpStats;
  /** Weights add up: `upTo` of the last is the sum. */
  readonly targets: readonly { readonly slot: ClusterSlot; readonly upTo: number }[];
}

/** Bytes from a client to an endpoint and back, each direction ending on its own. */
export class TcpTunnel implements DeadlineOwner {
  readonly #down: Socket;
  readonly #tcp: CompiledTcpProxy;
  readonly #onClosed: (tunnel: TcpTunnel) => void;
  readonly #idle: Deadline;
  readonly #openedMs: number;
  #cluster: UpstreamCluster | undefined;
  readonly #account = new TcpAccount();
  #host: Host | undefined;
  #up: Socket | undefined;
  #connected = false;
  #closed = false;

  constructor(
    accepted: Accepted,
    tcp: CompiledTcpProxy,
    first: Buffer,
    onClosed: (tunnel: TcpTunnel) => void,
  ) {
    this.#down = accepted.socket;
    this.#tcp = tcp;
    this.#onClosed = onClosed;
    this.#openedMs = tcp.context.clock.now();
    this.#idle = new Deadline(tcp.context.clock, this, "idle");
    // Its bytes wait in the kernel until there is somewhere to send them.
    this.#down.pause();
    this.#down.on("error", () => undefined);
    this.#down.on("close", contained(this as TcpTunnel, this.destroy));
    this.#connect(accepted, first);
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#idle.dispose();
    this.#down.destroy();
    this.#settleUpstream();
    this.#account.close();
    this.#onClosed(this);
  }

  onFault(error: unknown): void {
    this.#tcp.context.faults.report(error);
    this.destroy();
  }

  /** Connecting took too long, or nothing has moved for the idle timeout. */
  onDeadline(): void {
    const stat = this.#connected ? "upstream_cx_idle_timeout" : "upstream_cx_connect_timeout";
    this.#cluster?.stats.count(stat);
    if (this.#connected) this.#tcp.stats.count("idle_timeout");
    else {
      this.#cluster?.stats.count("upstream_cx_connect_fail");
      this.#opened(FLAG_UF);
    }
    this.destroy();
  }

  #connect(accepted: Accepted, first: Buffer): void {
    const { targets, context } = this.#tcp;
    const total = targets.at(-1)?.upTo ?? 0;
    const draw = targets.length > 1 ? context.random.below(total) : 0;
    const cluster = targets.find(({ upTo }) => draw < upTo)?.slot.cluster;
    this.#tcp.stats.count("downstream_cx_total");
    this.#cluster = cluster;
    this.#host = cluster === undefined ? undefined : pick(cluster, accepted);
    const host = this.#host;
    if (cluster === undefined || host === undefined) {
      if (cluster === undefined) this.#tcp.stats.count("downstream_cx_no_route");
      else cluster.stats.count("upstream_cx_none_healthy");
      this.#refuse(cluster === undefined ? FLAG_NR : FLAG_UH);
      return;
    }
    if (!cluster.limits.takeConnection()) {
      cluster.stats.count("upstream_cx_overflow");
      this.#refuse(FLAG_UO);
      return;
    }
    cluster.stats.tcpConnectionOpening();
    const connected = contained(this as TcpTunnel, () => this.#join(cluster, first));
    const up = open(cluster, host, connected);
    this.#up = up;
    this.#idle.set(this.#openedMs, cluster.config.connectTimeoutMs);
    up.on("error", contained(this as TcpTunnel, this.#onError));
    up.on("close", contained(this as TcpTunnel, this.#onUpstreamClose));
  }

  #refuse(flag: number): void {
    this.#opened(flag);
    this.destroy();
  }

  /** Istio's metrics begin when both sides are connected, or it is clear that they will not be. */
  #opened(flag: number): void {
    const { telemetry } = this.#tcp.config;
    const inbound = telemetry?.direction === "inbound";
    const known = this.#host ?? this.#cluster;
    const destination = inbound ? known?.inbound : known?.outbound;
    if (telemetry === undefined || destination === undefined) return;
    this.#account.open(destination.from(UNKNOWN_PEER), flag);
  }

  /** Nothing is sent before it is plain that the endpoint is the right one. */
  #join(cluster: UpstreamCluster, first: Buffer): void {
    const up = this.#up;
    if (up === undefined) return;
    const { clock } = this.#tcp.context;
    this.#connected = true;
    this.#opened(0);
    cluster.stats.connectionEstablished(clock.now() - this.#openedMs);
    this.#idle.set(clock.now(), this.#tcp.config.idleTimeoutMs);
    if (first.length > 0) {
      this.#received(cluster, first.length);
      up.write(first);
    }
    this.#pump(this.#down, up, (bytes) => this.#received(cluster, bytes));
    this.#pump(up, this.#down, (bytes) => this.#sent(cluster, bytes));
  }

  #onError(): void {
    if (this.#connected) return;
    this.#cluster?.stats.connectFailed(false);
    this.#opened(FLAG_UF);
  }

  #onUpstreamClose(): void {
    this.#settleUpstream();
    if (this.#down.writableEnded) this.destroy();
    else this.#down.destroySoon();
  }

  /** Half-close and back-pressure of one direction. */
  #pump(from: Socket, to: Socket, count: (bytes: number) => void): void {
    const { context, stats } = this.#tcp;
    const { clock } = context;
    const take = (bytes: Buffer): void => {
      count(bytes.length);
      this.#idle.set(clock.now(), this.#tcp.config.idleTimeoutMs);
      if (to.write(bytes)) return;
      from.pause();
      if (from === this.#down) stats.count("downstream_flow_control_paused_reading_total");
    };
    const drained = (): void => {
      from.resume();
      if (from === this.#down) stats.count("downstream_flow_control_resumed_reading_total");
    };
    const ended = (): void => {
      to.end();
      if (from.writableFinished) this.destroy();
    };
    from.on("data", contained(this, take));
    to.on("drain", contained(this, drained));
    from.on("end", contained(this, ended));
    from.resume();
  }

  #received(cluster: UpstreamCluster, bytes: number): void {
    cluster.stats.sent(bytes);
    this.#tcp.stats.count("downstream_cx_rx_bytes_total", bytes);
    this.#account.received(bytes);
  }

  #sent(cluster: UpstreamCluster, bytes: number): void {
    cluster.stats.received(bytes);
    this.#tcp.stats.count("downstream_cx_tx_bytes_total", bytes);
    this.#account.sent(bytes);
  }

  #settleUpstream(): void {
    const up = this.#up;
    const cluster = this.#cluster;
    if (up === undefined || cluster === undefined) return;
    this.#up = undefined;
    cluster.limits.releaseConnection();
    const lengthMs = this.#tcp.context.clock.now() - this.#openedMs;
    cluster.stats.connectionClosed(!up.readableEnded, false, lengthMs, 0);
    up.destroy();
  }
}

/** Starts to connect; with TLS it is connected when the handshake is over. */
function open(cluster: UpstreamCluster, { address }: Host, connected: () => void): Socket {
  const { bindAddress, tcpKeepalive } = cluster.config;
  const options = { bindAddress, tcpKeepalive, allowHalfOpen: true };
  if (cluster.tls !== undefined) {
    const { tls: context, tlsStats: stats } = cluster;
    const unnamed = { ownProtocol: "", usualProtocols: [] };
    return dialTls(address, { ...options, ...unnamed, context, stats, onSecure: connected });
  }
  return dial(address, options).on("connect", connected);
}

function pick(cluster: UpstreamCluster, accepted: Accepted): Host | undefined {
  if (cluster.config.discovery !== "originalDst") return cluster.pick();
  const { originalDestination } = accepted;
  return originalDestination === undefined ? undefined : cluster.pickAddress(originalDestination);
}
