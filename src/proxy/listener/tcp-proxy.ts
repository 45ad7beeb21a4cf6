import type { Socket } from "node:net";
import type { TcpProxy } from "../../model/listener.ts";
import type { ClusterSlot } from "../cluster/cluster-slot.ts";
import type { Host } from "../cluster/host.ts";
import type { ProxyContext, UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { dial } from "../upstream/dial.ts";
import type { Accepted } from "./accepted.ts";

/** A TCP proxy filter at work. */
export interface CompiledTcpProxy {
  readonly config: TcpProxy;
  readonly context: ProxyContext;
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
    this.#down.on("error", () => undefined);
    this.#down.on("close", () => this.destroy());
    this.#connect(accepted, first);
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#idle.dispose();
    this.#down.destroy();
    this.#settleUpstream();
    this.#onClosed(this);
  }

  /** Connecting took too long, or nothing has moved for the idle timeout. */
  onDeadline(): void {
    const stat = this.#connected ? "upstream_cx_idle_timeout" : "upstream_cx_connect_timeout";
    this.#cluster?.stats.count(stat);
    if (!this.#connected) this.#cluster?.stats.count("upstream_cx_connect_fail");
    this.destroy();
  }

  #connect(accepted: Accepted, first: Buffer): void {
    const { targets, context } = this.#tcp;
    const total = targets.at(-1)?.upTo ?? 0;
    const draw = targets.length > 1 ? context.random.below(total) : 0;
    const cluster = targets.find(({ upTo }) => draw < upTo)?.slot.cluster;
    this.#cluster = cluster;
    const host = cluster === undefined ? undefined : pick(cluster, accepted);
    if (cluster === undefined || host === undefined) {
      cluster?.stats.count("upstream_cx_none_healthy");
      this.destroy();
      return;
    }
    if (!cluster.limits.connectionsLeft) {
      cluster.stats.count("upstream_cx_overflow");
      this.destroy();
      return;
    }
    cluster.limits.connections++;
    cluster.stats.tcpConnectionOpening();
    const { bindAddress, connectTimeoutMs, tcpKeepalive } = cluster.config;
    const up = dial(host.address, { bindAddress, tcpKeepalive, allowHalfOpen: true });
    this.#up = up;
    this.#idle.set(this.#openedMs, connectTimeoutMs);
    this.#join(up, cluster, first);
  }

  #join(up: Socket, cluster: UpstreamCluster, first: Buffer): void {
    const { clock } = this.#tcp.context;
    const { idleTimeoutMs } = this.#tcp.config;
    up.on("connect", () => {
      this.#connected = true;
      cluster.stats.connectionEstablished(clock.now() - this.#openedMs);
      this.#idle.set(clock.now(), idleTimeoutMs);
    });
    up.on("error", () => {
      if (!this.#connected) cluster.stats.connectFailed(false);
    });
    up.on("close", () => {
      this.#settleUpstream();
      if (this.#down.writableEnded) this.destroy();
      else this.#down.destroySoon();
    });
    this.#pump(this.#down, up, (bytes) => cluster.stats.sent(bytes));
    this.#pump(up, this.#down, (bytes) => cluster.stats.received(bytes));
    if (first.length > 0) {
      cluster.stats.sent(first.length);
      up.write(first);
    }
  }

  /** Half-close and back-pressure of one direction. */
  #pump(from: Socket, to: Socket, count: (bytes: number) => void): void {
    const { clock } = this.#tcp.context;
    from.on("data", (bytes) => {
      count(bytes.length);
      if (this.#connected) this.#idle.set(clock.now(), this.#tcp.config.idleTimeoutMs);
      if (!to.write(bytes)) from.pause();
    });
    to.on("drain", () => from.resume());
    from.on("end", () => {
      to.end();
      if (from.writableFinished) this.destroy();
    });
    from.resume();
  }

  #settleUpstream(): void {
    const up = this.#up;
    const cluster = this.#cluster;
    if (up === undefined || cluster === undefined) return;
    this.#up = undefined;
    cluster.limits.connections--;
    const lengthMs = this.#tcp.context.clock.now() - this.#openedMs;
    cluster.stats.connectionClosed(!up.readableEnded, false, lengthMs, 0);
    up.destroy();
  }
}

function pick(cluster: UpstreamCluster, accepted: Accepted): Host | undefined {
  if (cluster.config.discovery !== "originalDst") return cluster.pick();
  const { originalDestination } = accepted;
  return originalDestination === undefined ? undefined : cluster.pickAddress(originalDestination);
}
