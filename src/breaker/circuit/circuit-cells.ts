import { strategyCells } from "../strategy/create.ts";
import type { StrategyOptions } from "../strategy/strategy.ts";
import { TIME_CELLS } from "./cells.ts";

/** Where the numbers of a circuit lie, counted from its first cell. */

/** State in 2 bits, forced in 2, above them the generation, which every change of state counts. */
export const WORD = 0;
/** Probes that are let through and those that went well, each beneath its generation. */
export const PROBES = 1;
export const SUCCESSES = 2;
/** How often it opened since it was last closed. */
export const OPENINGS = 3;
/** Changes to each state, in the order of `STATES`. */
export const CHANGES = 4;
/** When it last changed to each. */
export const CHANGED_AT = 7;
/** Until when it is open. */
export const OPEN_UNTIL: number = CHANGED_AT + 3 * TIME_CELLS;
/** When it first opened since it was last closed. */
export const BROKEN_AT: number = OPEN_UNTIL + TIME_CELLS;
export const PROBED_AT: number = BROKEN_AT + TIME_CELLS;
export const STRATEGY: number = PROBED_AT + TIME_CELLS;

/** How many cells a circuit takes; for who hands them out. */
export function circuitCells(strategy: StrategyOptions): number {
  return STRATEGY + strategyCells(strategy);
}
