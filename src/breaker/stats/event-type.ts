/**
 * What may happen to an execution, under the names and in the order of Hystrix 1.5's
 * `HystrixEventType`. Exactly one of the terminal ones happens to each.
 */
export const EVENT_TYPES = [
  "SUCCESS",
  "FAILURE",
  "TIMEOUT",
  "SHORT_CIRCUITED",
  "SEMAPHORE_REJECTED",
  "THREAD_POOL_REJECTED",
  "BAD_REQUEST",
  "CANCELLED",
  "FALLBACK_SUCCESS",
  "FALLBACK_FAILURE",
  "FALLBACK_REJECTION",
  "FALLBACK_DISABLED",
  "FALLBACK_MISSING",
  "EXCEPTION_THROWN",
  "RESPONSE_FROM_CACHE",
  "COLLAPSED",
  "EMIT",
  "FALLBACK_EMIT",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

const TERMINAL: ReadonlySet<EventType> = new Set<EventType>([
  "SUCCESS",
  "BAD_REQUEST",
  "CANCELLED",
  "FALLBACK_SUCCESS",
  "FALLBACK_FAILURE",
  "FALLBACK_REJECTION",
  "FALLBACK_DISABLED",
  "FALLBACK_MISSING",
  "RESPONSE_FROM_CACHE",
]);

/** An execution ends with it; the rate of terminal events is the rate of executions. */
export function isTerminal(type: EventType): boolean {
  return TERMINAL.has(type);
}

/** The place of each type among the counts. */
export const EVENT: Readonly<Record<EventType, number>> = Object.fromEntries(
  EVENT_TYPES.map((type, index) => [type, index]),
) as Record<EventType, number>;
