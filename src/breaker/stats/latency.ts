// hot path: no allocation per request
import { LATENCY_STEPS, stepOf, stepStartMs } from "./latency-scale.ts";
import { type Extent, Tally } from "./tally.ts";

/** Durations since the start, by upper bound, as Prometheus has histograms. */
export interface CumulativeLatency {
  /** How many took at most as long as each bound; as exact as the scale: 1/16. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

/** How long things took. Bounded: it never grows, and a record costs the same at any size. */
export class Latency {
  readonly #tally: Tally;
  #sumMs = 0;

  /** `extent`: what percentiles are taken of. */
  constructor(extent: Extent) {
    this.#tally = new Tally(LATENCY_STEPS, extent);
  }

  add(durationMs: number, now: number): void {
    this.#tally.add(stepOf(durationMs), now);
    this.#sumMs += durationMs;
  }

  /** Since the start. */
  get sumMs(): number {
    return this.#sumMs;
  }

  /** How many of the window lie at a step. */
  rolling(step: number, now: number): number {
    return this.#tally.rolling(step, now);
  }

  /** How many since the start lie at a step. */
  ever(step: number): number {
    return this.#tally.ever(step);
  }
}

/** Several latencies as one: what was recorded into any of them. */
export class LatencyView {
  readonly #parts: readonly Latency[];

  constructor(parts: readonly Latency[]) {
    this.#parts = parts;
  }

  /** Of the window, in milliseconds, `percentile` 0..100; undefined where nothing was recorded. */
  percentile(percentile: number, now: number): number | undefined {
    const count = this.count(now);
    if (count === 0) return undefined;
    const rank = Math.max(1, Math.ceil((percentile / 100) * count));
    let seen = 0;
    let step = 0;
    while (step < LATENCY_STEPS - 1) {
      seen += this.#rolling(step, now);
      if (seen >= rank) break;
      step++;
    }
    return middleMs(step);
  }

  /** Of the window, in milliseconds, as exact as the scale. */
  mean(now: number): number | undefined {
    let count = 0;
    let sumMs = 0;
    for (let step = 0; step < LATENCY_STEPS; step++) {
      const here = this.#rolling(step, now);
      count += here;
      sumMs += here * middleMs(step);
    }
    return count === 0 ? undefined : sumMs / count;
  }

  /** How many the window has. */
  count(now: number): number {
    let count = 0;
    for (let step = 0; step < LATENCY_STEPS; step++) count += this.#rolling(step, now);
    return count;
  }

  /** `boundsMs`: rising. */
  cumulative(boundsMs: readonly number[]): CumulativeLatency {
    const counts: number[] = [];
    let seen = 0;
    let step = 0;
    for (let bound = 0; bound < boundsMs.length; bound++) {
      while (step < LATENCY_STEPS && middleMs(step) <= (boundsMs[bound] as number)) {
        seen += this.#ever(step++);
      }
      counts.push(seen);
    }
    while (step < LATENCY_STEPS) seen += this.#ever(step++);
    return { counts, count: seen, sumMs: this.#sumMs() };
  }

  #sumMs(): number {
    let sumMs = 0;
    for (let part = 0; part < this.#parts.length; part++) {
      sumMs += (this.#parts[part] as Latency).sumMs;
    }
    return sumMs;
  }

  #rolling(step: number, now: number): number {
    let count = 0;
    for (let part = 0; part < this.#parts.length; part++) {
      count += (this.#parts[part] as Latency).rolling(step, now);
    }
    return count;
  }

  #ever(step: number): number {
    let count = 0;
    for (let part = 0; part < this.#parts.length; part++) {
      count += (this.#parts[part] as Latency).ever(step);
    }
    return count;
  }
}

function middleMs(step: number): number {
  return (stepStartMs(step) + stepStartMs(step + 1)) / 2;
}
