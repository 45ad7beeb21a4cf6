/** True where the pattern is the host, or a wildcard (`*`, `*.example.com`) that covers it. */
export function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.startsWith("*")) return pattern === host;
  return host.length >= pattern.length && host.endsWith(pattern.slice(1));
}

/** Of the patterns that match, the most specific: the exact one, else the longest wildcard. */
export function mostSpecificHost(patterns: readonly string[], host: string): string | undefined {
  if (patterns.includes(host)) return host;
  return patterns
    .filter((pattern) => hostMatches(pattern, host))
    .reduce<string | undefined>(
      (best, pattern) => (best === undefined || pattern.length > best.length ? pattern : best),
      undefined,
    );
}

/** True where something exported to these namespaces (`*`: all) is seen from the namespace. */
export function visibleFrom(namespace: string, exportTo: readonly string[]): boolean {
  return exportTo.includes("*") || exportTo.includes(namespace);
}

/** What an object's age is judged by. */
interface Aged {
  readonly creationTimestamp: string;
  readonly namespace: string;
  readonly name: string;
}

/**
 * Oldest first, then `namespace/name`. Objects without a timestamp, as files mostly are, count as
 * older than dated ones: they are ordered among themselves by name alone.
 */
export function byAge(left: Aged, right: Aged): number {
  return (
    compareText(left.creationTimestamp, right.creationTimestamp) ||
    compareText(`${left.namespace}/${left.name}`, `${right.namespace}/${right.name}`)
  );
}

/** By code units: the same on every machine. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
