// hot path: no allocation per request
import type { PeakEwmaOptions } from "../../model/balance/balancing.ts";

/**
 * The round-trip time of one host, as Linkerd measures it (tower's PeakEwma): a peak counts at
 * once and is forgotten slowly, as the mean over time weighs it less and less.
 */
export class PeakEwma {
  readonly #decayMs: number;
  #rttMs: number;
  #updatedAtMs: number;

  constructor({ defaultRttMs, decayMs }: PeakEwmaOptions, nowMs: number) {
    this.#decayMs = decayMs;
    this.#rttMs = defaultRttMs;
    this.#updatedAtMs = nowMs;
  }

  /** An answer, or the end of a request that had none, came after so long. */
  record(rttMs: number, nowMs: number): void {
    if (this.#rttMs < rttMs) this.#rttMs = rttMs;
    else this.#blend(rttMs, nowMs);
    this.#updatedAtMs = nowMs;
  }

  /** It is taken to need at least so long, from now on. */
  raise(rttMs: number, nowMs: number): void {
    this.#blend(0, nowMs);
    this.#updatedAtMs = nowMs;
    if (this.#rttMs < rttMs) this.#rttMs = rttMs;
  }

  /** What another request would meet: the time that each takes, times how many there would be. */
  load(activeRequests: number, nowMs: number): number {
    this.#blend(0, nowMs);
    this.#updatedAtMs = nowMs;
    return this.#rttMs * (activeRequests + 1);
  }

  #blend(rttMs: number, nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#updatedAtMs);
    const kept = Math.exp(-elapsedMs / this.#decayMs);
    this.#rttMs = this.#rttMs * kept + rttMs * (1 - kept);
  }
}
