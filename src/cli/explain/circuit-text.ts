import { formatPosition } from "../../base/diagnostic.ts";
import { formatDuration } from "../../base/duration.ts";
import type { Mesh } from "../../model/mesh.ts";
import { subjectOf } from "../../model/origin.ts";
import { circuitsOf } from "../../model/precedence/circuit.ts";
import type { CircuitBreaker, CircuitFallback } from "../../model/resilience/circuit-breaker.ts";

/** When a circuit opens, what then happens, and which line of which file says so. */
export function circuitText(mesh: Mesh, circuit: CircuitBreaker): string {
  const { maxConcurrent, sleepMs } = circuit;
  const bulkhead = maxConcurrent === undefined ? "" : `, at most ${maxConcurrent} calls at a time`;
  return (
    `${whereOf(mesh, circuit)}: opens at ${conditionOf(circuit)} for ${formatDuration(sleepMs)}` +
    `${bulkhead}; else ${fallbackText(circuit.fallback)}`
  );
}

function whereOf(mesh: Mesh, { name }: CircuitBreaker): string {
  const policies = circuitsOf(mesh).holding.map(({ policy }) => policy);
  const policy = policies.find(({ circuit }) => circuit.name === name);
  if (policy === undefined) return name;
  return `${subjectOf(policy.origin)} (${formatPosition(policy.origin.position)})`;
}

function conditionOf({ open, window }: CircuitBreaker): string {
  if (open.kind === "consecutiveErrors") return `${open.errors} errors in a row`;
  const { errorPercentage, requestVolume } = open;
  const { durationMs } = window;
  return `${errorPercentage}% errors of ${requestVolume} calls in ${formatDuration(durationMs)}`;
}

function fallbackText(fallback: CircuitFallback | undefined): string {
  switch (fallback?.kind) {
    case undefined:
      return "503";
    case "static":
      return `${fallback.status} of its own`;
    case "cluster":
      return fallback.cluster;
    case "lastGood":
      return "the last good answer";
  }
}
