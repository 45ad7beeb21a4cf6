// hot path: no allocation per request
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { ResetReason, StreamHandler } from "./stream-handler.ts";

/** A request that waits for a connection. */
export interface Waiting {
  readonly handler: StreamHandler;
  readonly method: string;
}

/** The requests that wait for a connection to one endpoint, as far as the cluster's limit allows. */
export class WaitingRequests {
  readonly #cluster: UpstreamCluster;
  readonly #queue: Waiting[] = [];

  constructor(cluster: UpstreamCluster) {
    this.#cluster = cluster;
  }

  get length(): number {
    return this.#queue.length;
  }

  /** False where too many wait already; the handler has been told. */
  add(handler: StreamHandler, method: string): boolean {
    const { limits, stats } = this.#cluster;
    if (!limits.takePending()) {
      stats.count("upstream_rq_pending_overflow");
      handler.onNoConnection("overflow", "");
      return false;
    }
    stats.requestPending();
    this.#queue.push({ handler, method });
    return true;
  }

  /** The handler waits no longer. */
  cancel(handler: StreamHandler): void {
    const index = this.#queue.findIndex(isHandler, handler);
    if (index < 0) return;
    this.#queue.splice(index, 1);
    this.#leave();
    this.#cluster.stats.count("upstream_rq_cancelled");
  }

  /** The one that has waited longest, which waits no longer; undefined where nobody waits. */
  next(): Waiting | undefined {
    const next = this.#queue.shift();
    if (next !== undefined) this.#leave();
    return next;
  }

  /** Those that wait elsewhere wait here from now on. */
  takeOver(others: WaitingRequests): void {
    for (let i = 0; i < others.#queue.length; i++) this.#queue.push(others.#queue[i] as Waiting);
    others.#queue.length = 0;
  }

  /** All of them, who still count as waiting until they are refused. */
  takeAll(): readonly Waiting[] {
    return this.#queue.splice(0);
  }

  /** No connection could be opened for those that were taken. */
  refuse(waiting: readonly Waiting[], reason: ResetReason, detail: string): void {
    for (let i = 0; i < waiting.length; i++) {
      this.#leave();
      this.#cluster.stats.count("upstream_rq_pending_failure_eject");
      const handler = waiting[i]?.handler;
      try {
        handler?.onNoConnection(reason, detail);
      } catch (error) {
        handler?.onFault(error);
      }
    }
  }

  #leave(): void {
    this.#cluster.limits.releasePending();
    this.#cluster.stats.requestNotPending();
  }
}

function isHandler(this: StreamHandler, waiting: Waiting): boolean {
  return waiting.handler === this;
}
