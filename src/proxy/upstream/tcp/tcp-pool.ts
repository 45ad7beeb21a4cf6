// hot path: no allocation per request
import type { Host } from "../../cluster/host.ts";
import type { RequestPool } from "../request-pool.ts";
import type { ResetReason, StreamHandler } from "../stream-handler.ts";
import { WaitingRequests } from "../waiting-requests.ts";
import { ConnectStream } from "./connect-stream.ts";

/**
 * The connections to one endpoint for CONNECT requests that end here: each has one of its own, for
 * nothing but its payload (Envoy: TcpConnPool).
 */
export class TcpPool implements RequestPool {
  readonly host: Host;
  readonly #waiting: WaitingRequests;
  #size = 0;

  constructor(host: Host) {
    this.host = host;
    this.#waiting = new WaitingRequests(host.cluster);
  }

  get size(): number {
    return this.#size;
  }

  acquire(handler: StreamHandler, method: string): void {
    const { limits, stats } = this.host.cluster;
    if (!limits.takeConnection()) {
      stats.count("upstream_cx_overflow");
      handler.onNoConnection("overflow", "");
      return;
    }
    if (!this.#waiting.add(handler, method)) {
      limits.releaseConnection();
      return;
    }
    this.#size++;
    new ConnectStream(this).connect();
  }

  cancel(handler: StreamHandler): void {
    this.#waiting.cancel(handler);
  }

  drain(): void {
    // Tunnels last as long as their ends want.
  }

  /** Each is in use. */
  yieldConnection(): boolean {
    return false;
  }

  /** Serves whoever has waited longest; nobody may wait any more. */
  onConnected(stream: ConnectStream): void {
    const { limits } = this.host.cluster;
    const next = this.#waiting.next();
    if (next === undefined) {
      stream.abandon();
    } else {
      limits.addRequest();
      stream.begin(next.handler);
    }
  }

  onConnectFailed(reason: ResetReason, detail: string): void {
    this.#waiting.giveUp();
    this.#waiting.refuse(reason, detail);
  }

  onClosed(): void {
    this.#size--;
  }
}
