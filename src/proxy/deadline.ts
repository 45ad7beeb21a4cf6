// hot path: no allocation per request
import type { Clock, Timer } from "../base/clock.ts";
import { contained, type FaultOwner } from "./faults.ts";

export interface DeadlineOwner extends FaultOwner {
  /** The deadline of this kind has passed. */
  onDeadline(kind: string): void;
}

/**
 * A timeout that is set anew for every request but hardly ever fires. The timer underneath stays
 * armed from request to request: when it fires too early, it is armed again for the rest. So
 * setting a deadline costs an assignment.
 */
export class Deadline implements FaultOwner {
  readonly #clock: Clock;
  readonly #owner: DeadlineOwner;
  readonly #kind: string;
  /** 0: none is set. */
  #dueMs = 0;
  #armedMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock, owner: DeadlineOwner, kind: string) {
    this.#clock = clock;
    this.#owner = owner;
    this.#kind = kind;
  }

  /** `delayMs` from `nowMs` on; 0 sets none. */
  set(nowMs: number, delayMs: number): void {
    this.#dueMs = delayMs > 0 ? nowMs + delayMs : 0;
    if (delayMs > 0 && this.#dueMs < this.#armedMs) this.#arm(delayMs);
  }

  clear(): void {
    this.#dueMs = 0;
  }

  /** Lets go of the timer; a later `set` arms a new one. */
  dispose(): void {
    this.#dueMs = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedMs = Number.POSITIVE_INFINITY;
  }

  onFault(error: unknown): void {
    this.#owner.onFault(error);
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#armedMs = this.#dueMs;
    this.#timer = this.#clock.after(delayMs, contained(this as Deadline, this.#fire));
  }

  #fire(): void {
    this.#timer = undefined;
    this.#armedMs = Number.POSITIVE_INFINITY;
    if (this.#dueMs === 0) return;
    const leftMs = this.#dueMs - this.#clock.now();
    if (leftMs > 0.5) {
      this.#arm(leftMs);
      return;
    }
    this.#dueMs = 0;
    this.#owner.onDeadline(this.#kind);
  }
}
