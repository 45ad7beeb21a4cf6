import { counter } from "../metrics/column.ts";
import type { Registry } from "../metrics/registry.ts";

/** More distinct faults than these are counted but no longer described. */
const DESCRIBED_MAX = 100;

/** Whoever owns a connection: told what one of its callbacks threw, it gives the connection up. */
export interface FaultOwner {
  onFault(error: unknown): void;
}

/**
 * A method as a callback of the event loop. What it throws is a mistake of this program, and costs
 * the connection that met it, not the process with everybody else's.
 */
export function contained<O extends FaultOwner, T = void>(
  owner: O,
  method: (this: O, value: T) => void,
): (value: T) => void {
  return (value) => {
    try {
      method.call(owner, value);
    } catch (error) {
      owner.onFault(error);
    }
  };
}

/** Counts the faults of a proxy, and describes each kind of them once. */
export class Faults {
  readonly #cells: Float64Array;
  readonly #notice: (text: string) => void;
  readonly #described = new Set<string>();

  constructor(registry: Registry, notice: (text: string) => void) {
    const table = registry.table({
      name: "faults",
      columns: [
        counter("outrigger_faults_total", "Mistakes of this program, each cost one connection."),
      ],
      labelNames: [],
      rowsMax: 1,
    });
    this.#cells = table.row([]).cells;
    this.#notice = notice;
  }

  get total(): number {
    return this.#cells[0] ?? 0;
  }

  report(error: unknown): void {
    this.#cells[0] = this.total + 1;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (this.#described.has(text) || this.#described.size >= DESCRIBED_MAX) return;
    this.#described.add(text);
    this.#notice(`internal error, its connection was closed: ${text}`);
  }
}
