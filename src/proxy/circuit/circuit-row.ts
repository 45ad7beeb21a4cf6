import type { Clock } from "../../base/clock.ts";
import type { CircuitState } from "../../breaker/breaker.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import type { CircuitPlace } from "./circuit-place.ts";
import type { NotedChange } from "./history.ts";
import type { SharedCircuit } from "./shared-circuit.ts";

/** A change of a circuit, in people's words. */
export interface ChangeRow {
  readonly from: CircuitState;
  readonly to: CircuitState;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly reason: string;
}

/** One circuit of a proxy as its admin page shows it. */
export interface CircuitRow {
  /** `namespace/name` of the policy. */
  readonly circuit: string;
  /** Where it stands; the other one is empty. */
  readonly cluster: string;
  readonly route: string;
  readonly scope: "caller" | "mesh";
  readonly state: CircuitState;
  /** When it last changed, milliseconds since 1970; undefined: never. */
  readonly sinceMs: number | undefined;
  /** Of an open one: when calls are tried again, likewise. */
  readonly openUntilMs: number | undefined;
  /** Calls in the window; undefined: it counts failures in a row. */
  readonly requests: number | undefined;
  /** Failed calls in the window, else in a row. */
  readonly errors: number;
  /** 0..100, cut to a whole number as it is compared. */
  readonly errorPercentage: number | undefined;
  readonly concurrent: number;
  readonly maxConcurrent: number | undefined;
  /** How long the last outage took from opening to closing; undefined: none is over. */
  readonly recoveryMs: number | undefined;
  /** The last changes, the oldest first. */
  readonly changes: readonly ChangeRow[];
}

export interface ShownCircuit {
  readonly place: CircuitPlace;
  readonly policy: CircuitBreaker;
  readonly circuit: SharedCircuit;
}

export function circuitRow({ place, policy, circuit }: ShownCircuit, clock: Clock): CircuitRow {
  const now = clock.now();
  const wall = (at: number): number => Math.round(at + clock.wall() - now);
  const { changedAt, openUntil, state } = circuit;
  const total = circuit.total(now);
  const errors = circuit.failed(now);
  const changes = circuit.history.read();
  return {
    circuit: policy.name,
    cluster: place.cluster,
    route: place.route,
    scope: policy.scope,
    state,
    sinceMs: changedAt === 0 ? undefined : wall(changedAt),
    openUntilMs: state === "open" ? wall(openUntil) : undefined,
    requests: total < 0 ? undefined : total,
    errors,
    errorPercentage: total < 0 ? undefined : percentage(errors, total),
    concurrent: circuit.calls,
    maxConcurrent: policy.maxConcurrent,
    recoveryMs: recoveryOf(changes),
    changes: changes.map((change) => ({
      from: change.from,
      to: change.to,
      atMs: wall(change.at),
      reason: reasonOf(change, policy),
    })),
  };
}

function percentage(errors: number, total: number): number {
  return total === 0 ? 0 : Math.trunc((errors * 100) / total);
}

/** Of the last outage whose beginning and end are both among the changes. */
function recoveryOf(changes: readonly NotedChange[]): number | undefined {
  const end = changes.findLastIndex(({ to }) => to === "closed");
  const begin = changes.slice(0, Math.max(0, end)).findLastIndex(({ from }) => from === "closed");
  const [closed, opened] = [changes[end], changes[begin]];
  return closed === undefined || opened === undefined ? undefined : closed.at - opened.at;
}

function reasonOf({ failed, from, to, told, total }: NotedChange, policy: CircuitBreaker): string {
  if (told) return "another proxy has found out";
  if (to === "halfOpen") return "its sleep was over";
  if (to === "closed") return "its probes succeeded";
  if (from === "halfOpen") return "a probe failed";
  if (policy.open.kind === "consecutiveErrors") return `${failed} calls failed in a row`;
  return `${failed} of ${total} calls failed (${percentage(failed, total)}%)`;
}
