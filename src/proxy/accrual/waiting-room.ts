// hot path: no allocation per request
import type { Clock, Timer } from "../../base/clock.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import { NO_HEALTHY_UPSTREAM } from "../reply/replies.ts";
import { FLAG_UH, FLAG_UO } from "../telemetry/response-flags.ts";
import type { AccrualStats } from "./accrual-stats.ts";

/** Linkerd's: so long requests wait for an endpoint to be ready before all of them fail at once. */
const FAIL_FAST_MS = 3000;
/** Linkerd's: more are refused. */
const CAPACITY = 10_000;

/** A request that may wait. */
export interface Waiter {
  /** Somebody may be there now: it asks again, and comes back where there is nobody. */
  onTurn(): void;
  /** It waits no longer. */
  onRefused(reply: LocalReply): void;
  /** The cluster is gone, or another one has its place: it asks that one. */
  onClosed(): void;
}

/** Where a request stands; of one request after the other, in one room at a time. */
export class WaitingPlace {
  readonly waiter: Waiter;
  room: WaitingRoom | undefined;
  previous: WaitingPlace | undefined;
  next: WaitingPlace | undefined;

  constructor(waiter: Waiter) {
    this.waiter = waiter;
  }

  /** Nobody is told. */
  leave(): void {
    this.room?.leave(this);
  }
}

/**
 * Where the requests of a cluster wait while none of its endpoints is ready: in order, so many, and
 * for a while. Then all fail at once, and so do those that come, until an endpoint is ready.
 *
 * ```
 *   ready -> waiting -> fail-fast -> ready
 * ```
 * Source: linkerd2-proxy, `linkerd/stack/src/{queue,failfast}.rs`.
 */
export class WaitingRoom {
  /** Some endpoint may be asked, as far as is known. */
  ready: boolean;
  readonly #clock: Clock;
  readonly #stats: AccrualStats;
  readonly #isReady: () => boolean;
  readonly #failFast: LocalReply;
  readonly #loadShed: LocalReply;
  #first: WaitingPlace | undefined;
  #last: WaitingPlace | undefined;
  #length = 0;
  #timer: Timer | undefined;
  #failing = false;
  #waking = false;
  #closed = false;

  /** `isReady`: whether some endpoint may be asked. */
  constructor(cluster: string, clock: Clock, stats: AccrualStats, isReady: () => boolean) {
    this.#clock = clock;
    this.#stats = stats;
    this.#isReady = isReady;
    this.ready = isReady();
    this.#failFast = failFastReply(cluster);
    this.#loadShed = loadShedReply(cluster);
  }

  /** There is nobody to ask. Undefined: it waits; else the answer. */
  join(place: WaitingPlace): LocalReply | undefined {
    this.ready = false;
    if (this.#closed) return NO_HEALTHY_UPSTREAM;
    if (this.#failing) return this.#refusal("fail_fast");
    if (this.#length >= CAPACITY) return this.#refusal("load_shed");
    place.room = this;
    if (this.#waking) this.#putFirst(place);
    else this.#putLast(place);
    this.#count(1);
    this.#timer ??= this.#clock.after(FAIL_FAST_MS, this.#onTooLong);
    return undefined;
  }

  leave(place: WaitingPlace): void {
    const { previous, next } = place;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    place.room = undefined;
    place.previous = undefined;
    place.next = undefined;
    this.#count(-1);
  }

  /** Endpoints have come or gone, or are well again, or not. */
  onHosts(): void {
    if (this.#waking) return;
    this.ready = this.#isReady();
    if (!this.ready) return;
    this.#stopTimer();
    this.#fail(false);
    this.#wake();
  }

  /** For ever: the cluster has drained. Nobody waits here any more. */
  close(): void {
    this.#closed = true;
    this.#stopTimer();
    this.#fail(false);
    while (this.#first !== undefined) {
      const place = this.#first;
      this.leave(place);
      place.waiter.onClosed();
    }
  }

  /** In their order, until one finds nobody again. */
  #wake(): void {
    this.#waking = true;
    while (this.#first !== undefined) {
      const place = this.#first;
      this.leave(place);
      place.waiter.onTurn();
      if (this.#first === place) break;
    }
    this.#waking = false;
    this.ready = this.#isReady();
  }

  readonly #onTooLong = (): void => {
    this.#timer = undefined;
    this.#fail(true);
    while (this.#first !== undefined) {
      const place = this.#first;
      this.leave(place);
      place.waiter.onRefused(this.#refusal("fail_fast"));
    }
  };

  #refusal(reason: "fail_fast" | "load_shed"): LocalReply {
    this.#stats.refused(reason);
    return reason === "fail_fast" ? this.#failFast : this.#loadShed;
  }

  #fail(failing: boolean): void {
    if (this.#failing === failing) return;
    this.#failing = failing;
    this.#stats.failFast(failing);
  }

  #putFirst(place: WaitingPlace): void {
    place.next = this.#first;
    if (this.#first === undefined) this.#last = place;
    else this.#first.previous = place;
    this.#first = place;
  }

  #putLast(place: WaitingPlace): void {
    place.previous = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
  }

  #count(change: 1 | -1): void {
    this.#length += change;
    this.#stats.waiting(this.#length);
    if (this.#length === 0) this.#stopTimer();
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function failFastReply(cluster: string): LocalReply {
  return {
    status: 504,
    body: `no endpoint of ${cluster} has been ready for ${FAIL_FAST_MS / 1000} s`,
    flag: FLAG_UH,
    details: `fail_fast{${cluster}}`,
    headers: [["x-outrigger-fail-fast", cluster]],
  };
}

function loadShedReply(cluster: string): LocalReply {
  return {
    status: 503,
    body: `too many requests wait for an endpoint of ${cluster}`,
    flag: FLAG_UO,
    details: `load_shed{${cluster}}`,
    headers: [["x-outrigger-load-shed", cluster]],
  };
}
