// hot path: no allocation per request
import { type Cells, SharedCells } from "../../breaker/circuit/cells.ts";

/** Of one cluster; what more there are each worker judges by itself. */
const SLOTS = 128;

/** How many threads judge the endpoint, and what it is known by; its circuit follows. */
const USERS = 0;
const KEY = 1;
const CIRCUIT = 2;

/** Cells for a cluster whose circuits take so many each. */
export function accrualMemoryCells(circuitCells: number): number {
  return SLOTS * (CIRCUIT + circuitCells);
}

/**
 * The circuits of a cluster's endpoints, which all workers share, found by address. Workers claim
 * the places without asking each other: whoever comes first takes a free one, others join it.
 */
export class AccrualMemory {
  readonly cells: Cells;
  readonly #width: number;

  /** All 0, or in use by other threads. */
  constructor(numbers: Int32Array<SharedArrayBuffer>, circuitCells: number) {
    this.cells = new SharedCells(numbers);
    this.#width = CIRCUIT + circuitCells;
  }

  /** Where the circuit of this address begins; below 0: there is no place left. */
  claim(address: string): number {
    const key = keyOf(address);
    const known = this.#search(key, true);
    return known >= 0 ? known : this.#search(key, false);
  }

  /** One that others hold may stand behind places that have become free since. */
  #search(key: number, held: boolean): number {
    for (let i = 0; i < SLOTS; i++) {
      const slot = (((key >>> 0) + i) % SLOTS) * this.#width;
      if (held && !this.#isHeld(slot, key)) continue;
      if (this.#take(slot, key)) return slot + CIRCUIT;
    }
    return -1;
  }

  #isHeld(slot: number, key: number): boolean {
    return this.cells.load(slot + KEY) === key && this.cells.load(slot + USERS) > 0;
  }

  /** Once for each claim. */
  release(circuitAt: number): void {
    this.cells.add(circuitAt - CIRCUIT + USERS, -1);
  }

  /** A place that nobody uses any more may be taken by another address. */
  #take(slot: number, key: number): boolean {
    const held = this.cells.load(slot + KEY);
    const isFree = held !== key && this.cells.load(slot + USERS) === 0;
    if (held !== key && !(isFree && this.cells.replace(slot + KEY, held, key))) {
      if (this.cells.load(slot + KEY) !== key) return false;
    }
    const users = this.cells.add(slot + USERS, 1);
    if (this.cells.load(slot + KEY) !== key) {
      this.cells.add(slot + USERS, -1);
      return false;
    }
    if (users === 1) for (let i = CIRCUIT; i < this.#width; i++) this.cells.store(slot + i, 0);
    return true;
  }
}

/** FNV-1a in 32 bits; never 0, which is no key. */
function keyOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  }
  return hash | 1;
}
