import { CIRCUIT_BREAKER_SPEC } from "./circuit-breaker.ts";
import type { KindOfOurs } from "./crd.ts";

/** Every kind that is our own. */
export const KINDS_OF_OURS: readonly KindOfOurs[] = [
  {
    kind: "CircuitBreaker",
    singular: "circuitbreaker",
    plural: "circuitbreakers",
    shortNames: ["cb"],
    description:
      "Hystrix's circuit breaker as a policy of the mesh: sidecars stop calling what fails, and " +
      "answer at once.",
    spec: CIRCUIT_BREAKER_SPEC,
    columns: [
      // The API server prints the first of several alone.
      column("Kind", "string", ".spec.targetRefs[*].kind", "The first target's kind", 0),
      column("Target", "string", ".spec.targetRefs[*].name", "The first thing it stands at", 0),
      column("Errors", "integer", ".spec.open.errorPercentage", "Percent of errors", 1),
      column("In a row", "integer", ".spec.open.consecutiveErrors", "Errors in a row", 1),
      column("Sleep", "string", ".spec.sleep", "How long it stays open", 0),
      column("Scope", "string", ".spec.scope", "Whose calls decide", 0),
      column("Age", "date", ".metadata.creationTimestamp", "When it was made", 0),
    ],
  },
];

function column(
  name: string,
  type: "string" | "date" | "integer",
  jsonPath: string,
  description: string,
  priority: number,
): KindOfOurs["columns"][number] {
  return { name, type, jsonPath, description, priority };
}
