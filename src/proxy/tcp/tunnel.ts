// hot path: no allocation per request
import type { SocketAddress } from "../../model/address.ts";
import { hashClient } from "../affinity/text-hash.ts";
import { Hash64 } from "../balance/hash/hash64.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { DynamicMetadata } from "../filters/dynamic-metadata.ts";
import {
  FLAG_DT,
  FLAG_NR,
  FLAG_UF,
  FLAG_UH,
  FLAG_UO,
  FLAG_UR,
  FLAG_URX,
  FLAG_URX_AFTER,
} from "../telemetry/response-flags.ts";
import { TcpAccount } from "../telemetry/standard/series.ts";
import { UNKNOWN_PEER } from "../telemetry/standard/workload.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import { TcpConnection, type TcpConnectionOwner } from "../upstream/tcp/tcp-connection.ts";
import { type CompiledTcpProxy, drawCluster } from "./compiled-tcp-proxy.ts";
import type { Closing, DownstreamEnd, TunnelEnd } from "./tunnel-end.ts";
import { TunnelFigures, TunnelSource, type TunnelWay } from "./tunnel-source.ts";

/** Of the connection that is being balanced: a pick is over before the next begins. */
const hash = new Hash64();

/** What a client may send before there is anybody to send it to. */
const EARLY_BYTES_MAX = 1024 * 1024;

/**
 * ```
 *   connecting -> joined -> closing -> closed        closing: one end has closed, the other sends
 *     |    ^ |      |                    ^           what it was given
 *     +----+ +------+--------------------+           connecting again: another attempt
 * ```
 */
type State = "connecting" | "joined" | "closing" | "closed";

/** Bytes from a client to an endpoint and back, each direction ending on its own. */
export class TcpTunnel implements TcpConnectionOwner, DeadlineOwner, TunnelWay {
  readonly #down: DownstreamEnd;
  readonly #tcp: CompiledTcpProxy;
  readonly #onOver: (tunnel: TcpTunnel) => void;
  readonly #idle: Deadline;
  /** Undefined where the client may stay for as long as it wants. */
  readonly #life: Deadline | undefined;
  readonly #account = new TcpAccount();
  readonly #figures: TunnelFigures;
  #state: State = "connecting";
  cluster: UpstreamCluster | undefined;
  host: Host | undefined;
  up: TcpConnection | undefined;
  failureDetail = "";
  /** It counts among those that wait for a connection, or among those that have one. */
  #counted: "no" | "pending" | "active" = "no";
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #downEnded = false;

  constructor(down: DownstreamEnd, tcp: CompiledTcpProxy, onOver: (tunnel: TcpTunnel) => void) {
    const { clock } = tcp.context;
    const { maxConnectionDurationMs } = tcp.config;
    this.#down = down;
    this.#tcp = tcp;
    this.#onOver = onOver;
    this.#idle = new Deadline(clock, this, "idle");
    this.#figures = new TunnelFigures(clock.now());
    this.#life = maxConnectionDurationMs > 0 ? new Deadline(clock, this, "life") : undefined;
  }

  get chainName(): string {
    return this.#tcp.chainName;
  }

  /** `first`: what was read of the client already. */
  begin(first: Buffer): void {
    this.#tcp.stats.count("downstream_cx_total");
    this.#life?.set(this.#figures.startedAtMs, this.#tcp.config.maxConnectionDurationMs);
    this.#down.begin(this);
    if (this.#isOverLimit() || this.#isDenied()) return;
    if (first.length > 0) this.#keepEarly(first, 0, first.length);
    if (this.#state === "connecting") this.#connect();
  }

  /** It is closed without a word then. */
  #isOverLimit(): boolean {
    const { limit } = this.#tcp;
    if (limit === undefined || limit.bucket.take(this.#figures.startedAtMs)) return false;
    limit.stats.countRefused();
    this.#refuse(FLAG_URX);
    return true;
  }

  /** A policy keeps the client out; nothing is connected for it. */
  #isDenied(): boolean {
    const { rbac } = this.#tcp;
    if (rbac.length === 0) return false;
    const metadata = new DynamicMetadata();
    this.#figures.metadata = metadata;
    for (let i = 0; i < rbac.length; i++) {
      const denial = rbac[i]?.denialOf(this.#down.client, metadata);
      if (denial === undefined) continue;
      this.#figures.terminationDetails = denial;
      this.#refuse(0);
      return true;
    }
    return false;
  }

  destroy(): void {
    if (this.#state === "closed") return;
    this.#down.destroy();
    this.up?.destroy();
    this.#over();
  }

  onFault(error: unknown): void {
    this.#tcp.context.faults.report(error);
    this.destroy();
  }

  /** Nothing has moved for the idle timeout, or all has lasted too long. */
  onDeadline(kind: string): void {
    if (kind === "idle") {
      this.#tcp.stats.count("idle_timeout");
    } else {
      this.#figures.flags |= FLAG_DT;
      this.#tcp.stats.count("max_downstream_connection_duration");
    }
    this.destroy();
  }

  onConnected(): void {
    this.#leaveQueue();
    this.#counted = "active";
    this.#state = "joined";
    if (this.host !== undefined) this.host.activeRequests++;
    this.host?.monitor?.onConnected(true);
    this.cluster?.limits.addRequest();
    this.cluster?.stats.requestSent();
    this.#opened();
    this.#touch();
    this.#sendEarly();
    if (this.#downEnded) this.up?.finish();
    this.#down.resume();
  }

  /** Another attempt may find another cluster, and finds another endpoint. */
  onConnectFailed(reason: ResetReason, detail: string): void {
    this.cluster?.stats.count("upstream_rq_pending_failure_eject");
    this.#leaveQueue();
    this.failureDetail = detail;
    this.#tellMonitor(reason);
    if (reason !== "local connection failure") this.#figures.flags |= FLAG_UF;
    if (this.#figures.attempts < this.#tcp.config.maxConnectAttempts) this.#connect();
    else this.#giveUp();
  }

  /** Envoy's TCP proxy: what fails on this side is no fault of the host. */
  #tellMonitor(reason: ResetReason): void {
    const monitor = this.host?.monitor;
    if (monitor === undefined) return;
    if (reason === "connection timeout") monitor.onTimeout();
    else if (reason === "remote connection failure") monitor.onReset(reason);
    else monitor.onCancel();
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
      this.cluster?.stats.count("upstream_flow_control_paused_reading_total");
      this.up?.pause();
      return;
    }
    this.#tcp.stats.count("downstream_flow_control_paused_reading_total");
    this.#down.pause();
  }

  onDrained(at: TunnelEnd): void {
    this.#touch();
    if (at === this.#down) {
      this.cluster?.stats.count("upstream_flow_control_resumed_reading_total");
      this.up?.resume();
      return;
    }
    this.#tcp.stats.count("downstream_flow_control_resumed_reading_total");
    this.#down.resume();
  }

  onEnded(from: TunnelEnd): void {
    if (from !== this.#down) this.#down.finish();
    else if (this.#state === "connecting") this.#downEnded = true;
    else this.up?.finish();
  }

  /** A reset is passed on; else the other end still sends what it was given. */
  onClosed(at: TunnelEnd, how: Closing): void {
    const before = this.#state;
    if (before === "closed") return;
    if (how === "reset" && before !== "connecting") {
      this.#passReset(at);
      return;
    }
    if (before === "closing") this.#over();
    if (before === "connecting") this.destroy();
    if (before !== "joined") return;
    this.#state = "closing";
    if (at === this.#down) this.up?.close();
    else this.#down.close();
  }

  #passReset(at: TunnelEnd): void {
    if (at === this.#down) {
      this.up?.reset();
    } else {
      this.#figures.flags |= FLAG_UR;
      this.#down.reset();
    }
    this.#over();
  }

  #connect(): void {
    const cluster = drawCluster(this.#tcp);
    this.cluster = cluster;
    if (cluster === undefined) {
      this.#tcp.stats.count("downstream_cx_no_route");
      this.#refuse(FLAG_NR);
      return;
    }
    const { limits, stats } = cluster;
    if (!limits.takeConnection()) {
      stats.count("upstream_cx_overflow");
      this.#refuse(FLAG_UO);
      return;
    }
    const host = this.#pick(cluster, this.#down.originalDestination);
    if (host === undefined) {
      limits.releaseConnection();
      stats.count("upstream_cx_none_healthy");
      this.#refuse(FLAG_UH);
      return;
    }
    this.#figures.attempts++;
    if (!limits.takePending()) {
      limits.releaseConnection();
      stats.count("upstream_rq_pending_overflow");
      this.#giveUp();
      return;
    }
    this.#attempt(cluster, host);
  }

  #pick(cluster: UpstreamCluster, original: SocketAddress | undefined): Host | undefined {
    if (cluster.config.discovery === "originalDst") {
      return original === undefined ? undefined : cluster.pickAddress(original);
    }
    if (cluster.choosesByHash) {
      const ip = this.#tcp.config.hashesSourceIp ? this.#down.client.remote.host : "";
      hashClient(ip, hash, this.#tcp.context.random);
    }
    return cluster.pick(hash, 0);
  }

  /** For Envoy's pools a connection is a request that waits for one. */
  #attempt(cluster: UpstreamCluster, host: Host): void {
    cluster.stats.requestPending();
    this.#counted = "pending";
    this.host = host;
    host.monitor?.onStart();
    const named = host.transport.proxyProtocol !== undefined;
    const to = named ? host.speakingFor(this.#down.client) : host;
    this.up = new TcpConnection(to, this);
    this.up.connect();
  }

  /** No attempt is left. */
  #giveUp(): void {
    this.cluster?.stats.count("upstream_cx_connect_attempts_exceeded");
    this.#refuse(FLAG_URX_AFTER);
  }

  #refuse(flag: number): void {
    this.#figures.flags |= flag;
    this.#opened();
    this.destroy();
  }

  /** Istio's metrics begin when both sides are connected, or it is clear that they will not be. */
  #opened(): void {
    const { telemetry } = this.#tcp.config;
    const inbound = telemetry?.direction === "inbound";
    const known = this.host ?? this.cluster;
    const destination = inbound ? known?.inbound : known?.outbound;
    if (telemetry === undefined || destination === undefined) return;
    const tls = inbound ? this.#down.client.tls : this.up?.tls;
    this.#account.open(destination.from(UNKNOWN_PEER, tls), this.#figures.flags);
  }

  #sendUp(bytes: Buffer, start: number, end: number): void {
    this.#tcp.stats.count("downstream_cx_rx_bytes_total", end - start);
    this.#figures.bodyBytesReceived += end - start;
    this.#account.received(end - start);
    this.up?.write(bytes, start, end);
  }

  #sendDown(bytes: Buffer, start: number, end: number): void {
    this.#tcp.stats.count("downstream_cx_tx_bytes_total", end - start);
    this.#figures.bodyBytesSent += end - start;
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

  /** For balancers and statistics a connection is a request that lasts. */
  #endRequest(): void {
    if (this.host !== undefined) this.host.activeRequests--;
    this.cluster?.limits.releaseRequest();
    this.cluster?.stats.requestEnded();
  }

  /** Waits no longer, by whatever comes of it. */
  #leaveQueue(): void {
    if (this.#counted !== "pending") return;
    this.#counted = "no";
    this.cluster?.limits.releasePending();
    this.cluster?.stats.requestNotPending();
  }

  #cancelled(): void {
    this.cluster?.stats.count("upstream_rq_cancelled");
    this.host?.monitor?.onCancel();
  }

  #over(): void {
    if (this.#counted === "pending") this.#cancelled();
    if (this.#counted === "active") this.#endRequest();
    this.#leaveQueue();
    this.#state = "closed";
    this.#idle.dispose();
    this.#life?.dispose();
    this.#early = [];
    this.#account.close();
    if (this.#tcp.logs.length > 0) this.#log();
    this.#onOver(this);
  }

  #log(): void {
    const { context, logs } = this.#tcp;
    this.#figures.endedAtMs = context.clock.now();
    const source = new TunnelSource(this.#figures, this.#down.client, this, context.clock);
    for (let i = 0; i < logs.length; i++) logs[i]?.log(source);
  }
}
