// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { Balancer } from "./balancer.ts";

/** Enough to be somewhere; each costs a step through the heap. */
const SKIPPED_MAX = 1024;

/** Hosts that are put in before others get their turn. */
const SLICE = 256;

/** What one of the things that are scheduled weighs now; above 0. */
export interface Weighing<T> {
  of(one: T): number;
}

/**
 * Unequal weights: earliest deadline first, as Envoy schedules. What was picked is due again after
 * 1/weight, and is weighed at that moment.
 *
 * The hosts stand in a binary heap by deadline, ties by who was put in first.
 */
export class WeightedChoice<T> implements Balancer<T> {
  readonly #heap: T[] = [];
  readonly #deadlines: Float64Array;
  readonly #orders: Float64Array;
  readonly #weights: Weighing<T>;
  #now = 0;
  #order = 0;

  /** `most`: how many will be added; at least one before the first pick. */
  constructor(most: number, weights: Weighing<T>) {
    this.#weights = weights;
    this.#deadlines = new Float64Array(most);
    this.#orders = new Float64Array(most);
  }

  add(host: T): void {
    const index = this.#heap.length;
    this.#heap.push(host);
    this.#place(index, host);
    this.#rise(index);
  }

  /** Starts somewhere in the schedule, so that proxies do not march in step. */
  start(random: Random): void {
    const skipped = random.below(Math.min(this.#heap.length, SKIPPED_MAX));
    for (let skip = skipped; skip > 0; skip--) this.pick();
  }

  pick(): T {
    const host = this.#heap[0] as T;
    this.#now = this.#deadlines[0] as number;
    this.#place(0, host);
    this.#sink(0);
    return host;
  }

  #place(index: number, host: T): void {
    this.#deadlines[index] = this.#now + 1 / this.#weights.of(host);
    this.#orders[index] = this.#order++;
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#deadlines[a] as number) - (this.#deadlines[b] as number);
    if (difference !== 0) return difference < 0;
    return (this.#orders[a] as number) < (this.#orders[b] as number);
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#before(index, parent)) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #sink(from: number): void {
    const length = this.#heap.length;
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= length) return;
      const right = left + 1;
      const child = right < length && this.#before(right, left) ? right : left;
      if (!this.#before(child, index)) return;
      this.#swap(index, child);
      index = child;
    }
  }

  #swap(a: number, b: number): void {
    const host = this.#heap[a] as T;
    this.#heap[a] = this.#heap[b] as T;
    this.#heap[b] = host;
    swapIn(this.#deadlines, a, b);
    swapIn(this.#orders, a, b);
  }
}

/** A schedule of these, at least one, a piece at a time. */
export function* buildSchedule<T>(
  hosts: readonly T[],
  random: Random,
  weights: Weighing<T>,
): Generator<void, WeightedChoice<T>> {
  const schedule = new WeightedChoice(hosts.length, weights);
  for (let i = 0; i < hosts.length; i++) {
    schedule.add(hosts[i] as T);
    if (i % SLICE === 0) yield;
  }
  schedule.start(random);
  return schedule;
}

function swapIn(numbers: Float64Array, a: number, b: number): void {
  const number = numbers[a] as number;
  numbers[a] = numbers[b] as number;
  numbers[b] = number;
}
