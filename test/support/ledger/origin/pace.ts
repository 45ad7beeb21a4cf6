/** How long an origin takes. */
import type { Random } from "../../../../src/base/random.ts";

/** Of one request, beside what waiting for a slot takes. */
export type Latency =
  | { readonly kind: "none" }
  | { readonly kind: "fixed"; readonly ms: number }
  | { readonly kind: "uniform"; readonly fromMs: number; readonly toMs: number }
  /** Log-normal, by two of its percentiles. */
  | { readonly kind: "longTail"; readonly p50Ms: number; readonly p99Ms: number };

/** So many requests at once, each so long: never more than `slots / serviceMs` a millisecond. */
export interface Capacity {
  readonly slots: number;
  readonly serviceMs: number;
}

/** Of the standard normal distribution. */
const P99_DEVIATIONS = 2.326;

function drawMs(latency: Latency, random: Random): number {
  switch (latency.kind) {
    case "none":
      return 0;
    case "fixed":
      return latency.ms;
    case "uniform":
      return latency.fromMs + random.next() * (latency.toMs - latency.fromMs);
    case "longTail": {
      const { p50Ms, p99Ms } = latency;
      const deviation = Math.log(p99Ms / p50Ms) / P99_DEVIATIONS;
      const normal =
        Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
      return p50Ms * Math.exp(deviation * normal);
    }
  }
}

function after(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}

export class Pace {
  readonly #latency: Latency;
  readonly #capacity: Capacity | undefined;
  readonly #random: Random;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  /** The most that were served at once. */
  mostAtOnce = 0;

  constructor(latency: Latency, capacity: Capacity | undefined, random: Random) {
    this.#latency = latency;
    this.#capacity = capacity;
    this.#random = random;
  }

  /** Resolves when the request has been served. */
  async serve(): Promise<void> {
    const { slots = Number.POSITIVE_INFINITY, serviceMs = 0 } = this.#capacity ?? {};
    if (this.#busy >= slots) await new Promise<void>((turn) => this.#waiting.push(turn));
    else this.#busy++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#busy);
    await after(serviceMs + drawMs(this.#latency, this.#random));
    // The slot goes from hand to hand.
    const next = this.#waiting.shift();
    if (next === undefined) this.#busy--;
    else next();
  }
}
