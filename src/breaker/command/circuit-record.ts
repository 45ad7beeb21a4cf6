import type { CircuitState, Forced } from "../breaker.ts";

/** A circuit's state for another process, as JSON. Times are those of the day. */
export interface CircuitRecord {
  readonly version: 1;
  readonly name: string;
  readonly state: CircuitState;
  readonly forced: Forced;
  /** When it last changed, ms since 1970; 0: never. */
  readonly changedAt: number;
  /** When calls are tried again, ms since 1970; 0 where it is closed. */
  readonly openUntil: number;
  /** How often it opened since it was last closed; back-off goes on from there. */
  readonly openings: number;
}

const STATES: readonly unknown[] = ["closed", "open", "halfOpen"] satisfies CircuitState[];
const FORCED: readonly unknown[] = ["no", "open", "closed"] satisfies Forced[];

const FIELDS: readonly (readonly [keyof CircuitRecord, (value: unknown) => boolean])[] = [
  ["version", (value) => value === 1],
  ["name", (value) => typeof value === "string"],
  ["state", (value) => STATES.includes(value)],
  ["forced", (value) => FORCED.includes(value)],
  ["changedAt", isCount],
  ["openUntil", isCount],
  ["openings", (value) => isCount(value) && value === (Number(value) | 0)],
];

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** @throws TypeError that names every field that is wrong. */
export function readCircuitRecord(value: unknown): CircuitRecord {
  if (typeof value !== "object" || value === null) {
    throw new TypeError("the state of a circuit: an object is needed");
  }
  const fields = value as Record<string, unknown>;
  const wrong = FIELDS.filter(([name, fits]) => !fits(fields[name])).map(
    ([name]) => `${name} ${JSON.stringify(fields[name])}`,
  );
  if (wrong.length > 0) throw new TypeError(`the state of a circuit: wrong ${wrong.join(", ")}`);
  return value as CircuitRecord;
}
