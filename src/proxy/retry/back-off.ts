// hot path: no allocation per request
import type { Clock, Timer } from "../../base/clock.ts";
import { contained, type FaultOwner } from "../faults.ts";

export interface BackOffOwner extends FaultOwner {
  onBackOffEnd(): void;
}

/** The time between a failed attempt and the next one. */
export class BackOff implements FaultOwner {
  readonly #clock: Clock;
  readonly #owner: BackOffOwner;
  #timer: Timer | undefined;

  constructor(clock: Clock, owner: BackOffOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /** It is running. */
  get active(): boolean {
    return this.#timer !== undefined;
  }

  begin(delayMs: number): void {
    this.stop();
    this.#timer = this.#clock.after(delayMs, contained(this as BackOff, this.#end));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  onFault(error: unknown): void {
    this.#owner.onFault(error);
  }

  #end(): void {
    this.#timer = undefined;
    this.#owner.onBackOffEnd();
  }
}
