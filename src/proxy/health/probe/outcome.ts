/**
 * How a check ended. The host is there (`degraded`: but would rather not be asked), says that it is
 * not, or gives an answer that only counts (`retriable`); nobody answered, or not in time.
 */
export type CheckOutcome =
  | "healthy"
  | "degraded"
  | "unhealthy"
  | "retriable"
  | "network"
  | "timeout";

export function passed(outcome: CheckOutcome): boolean {
  return outcome === "healthy" || outcome === "degraded";
}
