// hot path: no allocation per request
import type { SocketAddress } from "../../model/address.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { FLAG_NR, FLAG_UF, FLAG_UH, FLAG_UO } from "../telemetry/response-flags.ts";
import { TcpAccount } from "../telemetry/standard/series.ts";
import { UNKNOWN_PEER } from "../telemetry/standard/workload.ts";
import { TcpConnection, type TcpConnectionOwner } from "../upstream/tcp/tcp-connection.ts";
import type { CompiledTcpProxy } from "./compiled-tcp-proxy.ts";
import type { DownstreamEnd, TunnelEnd } from "./tunnel-end.ts";

/** What a client may send before there is anybody to send it to. */
const EARLY_BYTES_MAX = 1024 * 1024;

/**
 * ```
 *   connecting -> joined -> closing -> closed        closing: one end has closed, the other sends
 *        |          |                    ^           what it was given
 *        +----------+--------------------+
 * ```
 */
type State = "connecting" | "joined" | "closing" | "closed";

/** Bytes from a client to an endpoint and back, each direction ending on its own. */
export class TcpTunnel implements TcpConnectionOwner, DeadlineOwner {
  readonly #down: DownstreamEnd;
  readonly #tcp: CompiledTcpProxy;
  readonly #onOver: (tunnel: TcpTunnel) => void;
  readonly #idle: Deadline;
  readonly #account = new TcpAccount();
  #state: State = "connecting";
  #cluster: UpstreamCluster | undefined;
  #host: Host | undefined;
  #up: TcpConnection | undefined;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #downEnded = false;

  constructor(down: DownstreamEnd, tcp: CompiledTcpProxy, onOver: (tunnel: TcpTunnel) => void) {
    this.#down = down;
    this.#tcp = tcp;
    this.#onOver = onOver;
    this.#idle = new Deadline(tcp.context.clock, this, "idle");
  }

  /** `first`: what was read of the client already. */
  begin(first: Buffer): void {
    this.#tcp.stats.count("downstream_cx_total");
    this.#down.begin(this);
    if (first.length > 0) this.#keepEarly(first, 0, first.length);
    this.#connect();
  }

  destroy(): void {
    if (this.#state === "closed") return;
    this.#down.destroy();
    this.#up?.destroy();
    this.#over();
  }

  onFault(error: unknown): void {
    this.#tcp.context.faults.report(error);
    this.destroy();
  }

  /** Nothing has moved for the idle timeout. */
  onDeadline(): void {
    this.#cluster?.stats.count("upstream_cx_idle_timeout");
    this.#tcp.stats.count("idle_timeout");
    this.destroy();
  }

  onConnected(): void {
    this.#state = "joined";
    this.#cluster?.stats.count("upstream_rq_total");
    this.#opened(0);
    this.#touch();
    this.#sendEarly();
    if (this.#downEnded) this.#up?.finish();
    this.#down.resume();
  }

  onConnectFailed(): void {
    this.#cluster?.stats.count("upstream_rq_pending_failure_eject");
    this.#opened(FLAG_UF);
    this.destroy();
  }

  onBytes(from: TunnelEnd, bytes: Buffer, start: number, end: number): void {
    if (this.#state === "connecting") {
      this.#keepEarly(bytes, start, end);
      return;
    }
    if (this.#state !== "joined") return;
    this.#touch();
    if (from === this.#down) this.#sendUp(bytes, start, end);
    else this.#sendDown(bytes, start, end);
  }

  onBlocked(at: TunnelEnd): void {
    if (at === this.#down) {
      this.#up?.pause();
      return;
    }
    this.#tcp.stats.count("downstream_flow_control_paused_reading_total");
    this.#down.pause();
  }

  onDrained(at: TunnelEnd): void {
    this.#touch();
    if (at === this.#down) {
      this.#up?.resume();
      return;
    }
    this.#tcp.stats.count("downstream_flow_control_resumed_reading_total");
    this.#down.resume();
  }

  onEnded(from: TunnelEnd): void {
    if (from !== this.#down) this.#down.finish();
    else if (this.#state === "connecting") this.#downEnded = true;
    else this.#up?.finish();
  }

  /** The other end still sends what it was given. */
  onClosed(at: TunnelEnd): void {
    const before = this.#state;
    if (before === "closing") this.#over();
    if (before === "connecting") this.destroy();
    if (before !== "joined") return;
    this.#state = "closing";
    if (at === this.#down) this.#up?.close();
    else this.#down.close();
  }

  #connect(): void {
    const { targets, context, stats } = this.#tcp;
    const total = targets.at(-1)?.upTo ?? 0;
    const draw = targets.length > 1 ? context.random.below(total) : 0;
    const cluster = clusterAt(this.#tcp, draw);
    this.#cluster = cluster;
    if (cluster === undefined) {
      stats.count("downstream_cx_no_route");
      this.#refuse(FLAG_NR);
      return;
    }
    const host = pick(cluster, this.#down.originalDestination);
    this.#host = host;
    if (host === undefined) {
      cluster.stats.count("upstream_cx_none_healthy");
      this.#refuse(FLAG_UH);
      return;
    }
    if (!cluster.limits.takeConnection()) {
      cluster.stats.count("upstream_cx_overflow");
      this.#refuse(FLAG_UO);
      return;
    }
    // For Envoy's pools a connection is a request that waits for one.
    cluster.stats.count("upstream_rq_pending_total");
    this.#up = new TcpConnection(host, this);
    this.#up.connect();
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

  #sendUp(bytes: Buffer, start: number, end: number): void {
    this.#tcp.stats.count("downstream_cx_rx_bytes_total", end - start);
    this.#account.received(end - start);
    this.#up?.write(bytes, start, end);
  }

  #sendDown(bytes: Buffer, start: number, end: number): void {
    this.#tcp.stats.count("downstream_cx_tx_bytes_total", end - start);
    this.#account.sent(end - start);
    this.#down.write(bytes, start, end);
  }

  /** The client is not read until there is an endpoint; what comes all the same is not much. */
  #keepEarly(bytes: Buffer, start: number, end: number): void {
    this.#earlyBytes += end - start;
    if (this.#earlyBytes > EARLY_BYTES_MAX) this.destroy();
    else this.#early.push(Buffer.from(bytes.subarray(start, end)));
  }

  #sendEarly(): void {
    const early = this.#early;
    this.#early = [];
    for (let i = 0; i < early.length; i++) {
      const bytes = early[i] as Buffer;
      this.#sendUp(bytes, 0, bytes.length);
    }
  }

  #touch(): void {
    this.#idle.set(this.#tcp.context.clock.now(), this.#tcp.config.idleTimeoutMs);
  }

  #over(): void {
    this.#state = "closed";
    this.#idle.dispose();
    this.#early = [];
    this.#account.close();
    this.#onOver(this);
  }
}

function clusterAt({ targets }: CompiledTcpProxy, draw: number): UpstreamCluster | undefined {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    if (target !== undefined && draw < target.upTo) return target.slot.cluster;
  }
  return undefined;
}

function pick(cluster: UpstreamCluster, original: SocketAddress | undefined): Host | undefined {
  if (cluster.config.discovery !== "originalDst") return cluster.pick();
  return original === undefined ? undefined : cluster.pickAddress(original);
}
