/** What a pod's sidecar has counted of the requests that came in, since it started. */
export interface PodCounts {
  readonly requests: number;
  /** Answered with 5xx, or not answered (code 0). */
  readonly failures: number;
  /** Requests by upper bound in milliseconds, cumulative, as Prometheus has them. */
  readonly buckets: ReadonlyMap<number, number>;
}

export const NO_COUNTS: PodCounts = { requests: 0, failures: 0, buckets: new Map() };

const REQUESTS = "istio_requests_total{";
const BUCKET = "istio_request_duration_milliseconds_bucket{";

/** Reads a sidecar's `/stats/prometheus` (Prometheus text format 0.0.4), the inbound half. */
export function podCounts(text: string): PodCounts {
  let requests = 0;
  let failures = 0;
  const buckets = new Map<number, number>();
  for (const line of text.split("\n")) {
    if (!line.startsWith("istio_request") || !line.includes('reporter="destination"')) continue;
    const value = Number(
      line
        .slice(line.lastIndexOf("}") + 1)
        .trim()
        .split(" ")[0],
    );
    if (line.startsWith(REQUESTS)) {
      requests += value;
      if (isFailure(label(line, "response_code"))) failures += value;
    } else if (line.startsWith(BUCKET)) {
      const text = label(line, "le");
      const bound = text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
  }
  return { requests, failures, buckets };
}

/** The values read here hold no quotes, so none has to be unescaped. */
function label(line: string, name: string): string {
  for (const before of ["{", ","]) {
    const start = line.indexOf(`${before}${name}="`);
    if (start < 0) continue;
    const from = start + name.length + 3;
    return line.slice(from, line.indexOf('"', from));
  }
  return "";
}

function isFailure(code: string): boolean {
  return code.startsWith("5") || code === "0";
}

/** `later - earlier`; a sidecar that has started anew counts from zero. */
export function countsBetween(earlier: PodCounts, later: PodCounts): PodCounts {
  if (later.requests < earlier.requests) return later;
  return {
    requests: later.requests - earlier.requests,
    failures: Math.max(0, later.failures - earlier.failures),
    buckets: new Map(
      [...later.buckets].map(([bound, count]) => [
        bound,
        count - (earlier.buckets.get(bound) ?? 0),
      ]),
    ),
  };
}

export function sumOfCounts(all: readonly PodCounts[]): PodCounts {
  const buckets = new Map<number, number>();
  for (const counts of all) {
    for (const [bound, count] of counts.buckets) {
      buckets.set(bound, (buckets.get(bound) ?? 0) + count);
    }
  }
  return {
    requests: all.reduce((sum, { requests }) => sum + requests, 0),
    failures: all.reduce((sum, { failures }) => sum + failures, 0),
    buckets,
  };
}

/**
 * The duration in milliseconds that a share of the requests stays below, as PromQL's
 * `histogram_quantile` has it: linear inside a bucket. Undefined without requests.
 */
export function quantile(counts: PodCounts, share: number): number | undefined {
  const buckets = [...counts.buckets].sort(([left], [right]) => left - right);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const rank = share * total;
  let lower = 0;
  let below = 0;
  for (const [bound, count] of buckets) {
    if (count >= rank && count > below) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return lower + ((bound - lower) * (rank - below)) / (count - below);
    }
    lower = bound;
    below = count;
  }
  return lower;
}
