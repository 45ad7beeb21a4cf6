import type { AccessLog } from "../../model/access-log.ts";
import type { FilterChain, Listener } from "../../model/listener.ts";

/** The listeners, everything that passes through them logged. */
export function logged(
  listeners: readonly Listener[],
  accessLogs: readonly AccessLog[],
): readonly Listener[] {
  if (accessLogs.length === 0) return listeners;
  const chain = (one: FilterChain): FilterChain => ({
    ...one,
    filter: { ...one.filter, accessLogs },
  });
  return listeners.map((listener) => ({
    ...listener,
    filterChains: listener.filterChains.map(chain),
    defaultFilterChain: listener.defaultFilterChain && chain(listener.defaultFilterChain),
  }));
}
