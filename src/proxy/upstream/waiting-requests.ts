// hot path: no allocation per request
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { ResetReason, StreamHandler } from "./stream-handler.ts";

/** A request that waits for a connection. */
interface Waiting {
  readonly handler: StreamHandler;
  readonly method: string;
}

/** Who waits for a connection to one endpoint, as far as the cluster's limit allows. */
export class WaitingRequests {
  readonly #cluster: UpstreamCluster;
  readonly #queue: Waiting[] = [];
  /** Those that are to be refused, and may still leave by themselves. */
  readonly #given: Waiting[] = [];

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
    if (!removed(this.#queue, handler) && !removed(this.#given, handler)) return;
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

  /** Gives all of them up: no connection serves them, and they count until `refuse` tells them. */
  giveUp(): void {
    const queue = this.#queue;
    for (let i = 0; i < queue.length; i++) this.#given.push(queue[i] as Waiting);
    queue.length = 0;
  }

  /** No connection could be opened for those that were given up. */
  refuse(reason: ResetReason, detail: string): void {
    for (let next = this.#given.shift(); next !== undefined; next = this.#given.shift()) {
      const { handler } = next;
      this.#leave();
      this.#cluster.stats.count("upstream_rq_pending_failure_eject");
      try {
        handler.onNoConnection(reason, detail);
      } catch (error) {
        handler.onFault(error);
      }
    }
  }

  #leave(): void {
    this.#cluster.limits.releasePending();
    this.#cluster.stats.requestNotPending();
  }
}

/** False where the handler is not among them. */
function removed(from: Waiting[], handler: StreamHandler): boolean {
  const index = from.findIndex(isHandler, handler);
  if (index >= 0) from.splice(index, 1);
  return index >= 0;
}

function isHandler(this: StreamHandler, waiting: Waiting): boolean {
  return waiting.handler === this;
}
