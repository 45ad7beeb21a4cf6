// hot path: no allocation per request

/**
 * The numbers that a circuit consists of: whole numbers of 32 bits by index. One thread keeps them
 * to itself (`LocalCells`); several threads share them (`SharedCells`), and each step is atomic.
 */
export interface Cells {
  load(index: number): number;
  store(index: number, value: number): void;
  /** The value after it. */
  add(index: number, amount: number): number;
  /** The value before it. */
  exchange(index: number, value: number): number;
  /** Stores `value` where `expected` stands; whether it did. */
  replace(index: number, expected: number, value: number): boolean;
}

export class LocalCells implements Cells {
  readonly #numbers: Int32Array;

  constructor(length: number) {
    this.#numbers = new Int32Array(length);
  }

  load(index: number): number {
    return this.#numbers[index] as number;
  }

  store(index: number, value: number): void {
    this.#numbers[index] = value;
  }

  add(index: number, amount: number): number {
    const numbers = this.#numbers;
    const sum = ((numbers[index] as number) + amount) | 0;
    numbers[index] = sum;
    return sum;
  }

  exchange(index: number, value: number): number {
    const before = this.#numbers[index] as number;
    this.#numbers[index] = value;
    return before;
  }

  replace(index: number, expected: number, value: number): boolean {
    if (this.#numbers[index] !== expected) return false;
    this.#numbers[index] = value;
    return true;
  }
}

/** Over shared memory. A thread may end between any two steps; none of them blocks the others. */
export class SharedCells implements Cells {
  readonly #numbers: Int32Array;

  constructor(numbers: Int32Array<SharedArrayBuffer>) {
    this.#numbers = numbers;
  }

  load(index: number): number {
    return Atomics.load(this.#numbers, index);
  }

  store(index: number, value: number): void {
    Atomics.store(this.#numbers, index, value);
  }

  add(index: number, amount: number): number {
    return (Atomics.add(this.#numbers, index, amount) + amount) | 0;
  }

  exchange(index: number, value: number): number {
    return Atomics.exchange(this.#numbers, index, value);
  }

  replace(index: number, expected: number, value: number): boolean {
    return Atomics.compareExchange(this.#numbers, index, expected, value) === expected;
  }
}

/** Cells that one time takes: 31 bits below, the rest above. */
export const TIME_CELLS = 2;

const HALF = 2 ** 31;

/** Whole numbers from 0 up to 2 ** 53: no run of a program is too long for it. */
export function readTime(cells: Cells, at: number): number {
  return cells.load(at + 1) * HALF + cells.load(at);
}

/** What is later, or never, is the latest of them. */
export function writeTime(cells: Cells, at: number, time: number): void {
  const known = Math.min(time, Number.MAX_SAFE_INTEGER);
  const above = Math.floor(known / HALF);
  cells.store(at, known - above * HALF);
  cells.store(at + 1, above);
}

/** `writeTime` where still `before` stands; whether it did. Of several threads one does. */
export function replaceTime(cells: Cells, at: number, before: number, time: number): boolean {
  const above = Math.floor(time / HALF);
  const below = before - Math.floor(before / HALF) * HALF;
  if (!cells.replace(at, below, time - above * HALF)) return false;
  cells.store(at + 1, above);
  return true;
}
