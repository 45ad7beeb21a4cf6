/**
 * The order in which a change is told (make before break): first what connections are secured
 * with, then what traffic will be sent to, then what sends it there. Removals go the other way
 * round.
 * Source: "Eventual consistency considerations", xDS protocol documentation.
 */
export const RESOURCE_TYPES = ["secret", "cluster", "endpoint", "listener", "route"] as const;
export type ResourceType = (typeof RESOURCE_TYPES)[number];

/** Types whose every response carries the whole set, so that absence means removal. */
export function isWholeState(type: ResourceType): boolean {
  return type === "cluster" || type === "listener";
}
