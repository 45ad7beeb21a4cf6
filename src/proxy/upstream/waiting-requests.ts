// hot path: no allocation per request
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { ResetReason, StreamHandler } from "./stream-handler.ts";

/** A request that waits for a connection, in a ring that begins and ends with its `Line`. */
class Waiting {
  readonly handler: StreamHandler | undefined;
  readonly method: string;
  before: Waiting = this;
  after: Waiting = this;

  constructor(handler: StreamHandler | undefined, method: string) {
    this.handler = handler;
    this.method = method;
  }

  /** Takes it out of its ring. */
  leave(): void {
    this.before.after = this.after;
    this.after.before = this.before;
    this.before = this;
    this.after = this;
  }
}

/** One that has just left: it waits no longer. */
export interface Next {
  readonly handler: StreamHandler;
  readonly method: string;
}

/**
 * Those that wait, in their order. Whoever leaves costs the same however many there are: clients
 * that go all at once would hold everybody up else.
 */
class Line {
  readonly #ends = new Waiting(undefined, "");
  readonly #places = new Map<StreamHandler, Waiting>();

  get length(): number {
    return this.#places.size;
  }

  add(handler: StreamHandler, method: string): void {
    this.#append(handler, new Waiting(handler, method));
  }

  #append(handler: StreamHandler, place: Waiting): void {
    const ends = this.#ends;
    place.before = ends.before;
    place.after = ends;
    ends.before.after = place;
    ends.before = place;
    this.#places.set(handler, place);
  }

  /** False where it does not wait here. */
  remove(handler: StreamHandler): boolean {
    this.#places.get(handler)?.leave();
    return this.#places.delete(handler);
  }

  /** Takes out the one that has waited longest. */
  shift(): Next | undefined {
    const first = this.#ends.after;
    const { handler } = first;
    if (handler === undefined) return undefined;
    first.leave();
    this.#places.delete(handler);
    return first as Next;
  }

  /** Those of another line stand behind its own from now on. */
  takeOver(other: Line): void {
    for (let next = other.shift(); next !== undefined; next = other.shift()) {
      this.#append(next.handler, next as Waiting);
    }
  }
}

/** Who waits for a connection to one endpoint, as far as the cluster's limit allows. */
export class WaitingRequests {
  readonly #cluster: UpstreamCluster;
  readonly #queue = new Line();
  /** Those that are to be refused, and may still leave by themselves. */
  #given: Line | undefined;

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
    this.#queue.add(handler, method);
    return true;
  }

  /** The handler waits no longer. */
  cancel(handler: StreamHandler): void {
    if (!this.#queue.remove(handler) && this.#given?.remove(handler) !== true) return;
    this.#leave();
    this.#cluster.stats.count("upstream_rq_cancelled");
  }

  /** The one that has waited longest, which waits no longer; undefined where nobody waits. */
  next(): Next | undefined {
    const next = this.#queue.shift();
    if (next !== undefined) this.#leave();
    return next;
  }

  /** Those that wait elsewhere wait here from now on. */
  takeOver(others: WaitingRequests): void {
    this.#queue.takeOver(others.#queue);
  }

  /** Gives all of them up: no connection serves them, and they count until `refuse` tells them. */
  giveUp(): void {
    if (this.#queue.length === 0) return;
    this.#given ??= new Line();
    this.#given.takeOver(this.#queue);
  }

  /** No connection could be opened for those that were given up. */
  refuse(reason: ResetReason, detail: string): void {
    const given = this.#given;
    for (let next = given?.shift(); next !== undefined; next = given?.shift()) {
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
