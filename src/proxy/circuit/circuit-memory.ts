import { circuitCells } from "../../breaker/circuit/circuit-cells.ts";
import type { StrategyOptions } from "../../breaker/strategy/strategy.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import { HISTORY_CELLS } from "./history.ts";

/**
 * What the threads of a proxy share of one circuit: the breaker's own numbers, its last changes,
 * what is in use over all workers and then by each of them.
 */
export type CircuitMemory = Int32Array<SharedArrayBuffer>;

/** What each of those uses consists of. */
export const CALLS = 0;
export const FALLBACKS = 1;
/** Probes that are out, and the permit that all of them have. */
export const PROBES = 2;
export const PROBE_PERMIT = 3;
export const USE_CELLS = 4;

/** Where the parts begin. */
export interface MemoryLayout {
  readonly breaker: number;
  readonly history: number;
  /** Of all workers; of worker N it begins N + 1 times `USE_CELLS` later. */
  readonly use: number;
}

export function strategyOf({ open, window }: CircuitBreaker): StrategyOptions {
  if (open.kind === "consecutiveErrors") return { kind: "consecutive", failures: open.errors };
  const { requestVolume, errorPercentage } = open;
  // Every answer is judged: Hystrix's snapshots save time that is not spent here.
  return { kind: "errorPercentage", ...window, requestVolume, errorPercentage, snapshotMs: 0 };
}

export function layoutOf(policy: CircuitBreaker): MemoryLayout {
  const history = circuitCells(strategyOf(policy));
  return { breaker: 0, history, use: history + HISTORY_CELLS };
}

/** Memory for a circuit that is closed and has seen nothing. */
export function circuitMemory(policy: CircuitBreaker, workers: number): CircuitMemory {
  const cells = layoutOf(policy).use + (1 + workers) * USE_CELLS;
  return new Int32Array(new SharedArrayBuffer(cells * Int32Array.BYTES_PER_ELEMENT));
}

/** What the memory counts has stayed the same: the circuit goes on where it was. */
export function goesOn(before: CircuitBreaker, after: CircuitBreaker): boolean {
  return signature(before) === signature(after);
}

function signature({ name, open, window }: CircuitBreaker): string {
  return JSON.stringify([name, open, window]);
}
