import type { Random } from "../../base/random.ts";
import type { OutlierDetection } from "../../model/upstream/outlier-detection.ts";

export type EjectionTimes = Pick<
  OutlierDetection,
  "baseEjectionTimeMs" | "intervalMs" | "maxEjectionTimeJitterMs" | "maxEjectionTimeMs"
>;

/**
 * How often, since when and for how long one host is out. Each time that it goes again is longer
 * by the base time, up to the most; each interval that it stays in takes one back (Envoy:
 * DetectorImpl::ejectHost, checkHostForUneject, onIntervalTimer).
 */
export class Ejection {
  readonly #times: EjectionTimes;
  /** How often it has gone. */
  count = 0;
  /** By the clock; undefined: never. */
  ejectedAtMs: number | undefined;
  returnedAtMs: number | undefined;
  #ejected = false;
  /** Base times that it is out for. */
  #multiplier = 0;
  #jitterMs = 0;

  constructor(times: EjectionTimes) {
    this.#times = times;
  }

  get ejected(): boolean {
    return this.#ejected;
  }

  eject(nowMs: number, random: Random): void {
    const { baseEjectionTimeMs, maxEjectionTimeJitterMs, maxEjectionTimeMs } = this.#times;
    this.#ejected = true;
    this.count++;
    this.ejectedAtMs = nowMs;
    this.#jitterMs = random.below(maxEjectionTimeJitterMs + 1);
    if (this.#multiplier * baseEjectionTimeMs < maxEjectionTimeMs + baseEjectionTimeMs) {
      this.#multiplier++;
    }
  }

  /** It has been out for as long as it should. */
  isServed(nowMs: number): boolean {
    return this.#ejected && nowMs - (this.ejectedAtMs ?? nowMs) >= this.durationMs;
  }

  /** Of the last time that it went, in milliseconds. */
  get durationMs(): number {
    const { baseEjectionTimeMs, maxEjectionTimeMs } = this.#times;
    return Math.min(baseEjectionTimeMs * this.#multiplier, maxEjectionTimeMs) + this.#jitterMs;
  }

  takeBack(nowMs: number): void {
    this.#ejected = false;
    this.returnedAtMs = nowMs;
  }

  /** An interval is over; one that began before it came back does not count. */
  relent(nowMs: number): void {
    if (this.#ejected || this.returnedAtMs === undefined) return;
    if (nowMs - this.returnedAtMs < this.#times.intervalMs) return;
    if (this.#multiplier > 0) this.#multiplier--;
  }
}
