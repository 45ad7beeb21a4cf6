import fc from "fast-check";
import type {
  CircuitBreaker,
  CircuitFallback,
  OpenCondition,
} from "../../src/model/resilience/circuit-breaker.ts";

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const text = fc.stringMatching(/^[A-Za-z0-9 /_.:-]{0,12}$/);
const positiveMs = fc.integer({ min: 1, max: 100_000 });
const upTo3 = { maxLength: 3 };

function optional<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

const count = fc.integer({ min: 1, max: 1_000_000 });

const open: fc.Arbitrary<OpenCondition> = fc.oneof(
  fc.record({
    kind: fc.constant("errorPercentage" as const),
    requestVolume: count,
    errorPercentage: fc.integer({ min: 1, max: 100 }),
  }),
  fc.record({ kind: fc.constant("consecutiveErrors" as const), errors: count }),
);

const fallback: fc.Arbitrary<CircuitFallback> = fc.oneof(
  fc.record({
    kind: fc.constant("static" as const),
    status: fc.integer({ min: 200, max: 599 }),
    headers: fc.array(fc.record({ name: fc.stringMatching(/^x-[a-z]{1,6}$/), value: text }), upTo3),
    body: text,
  }),
  fc.record({ kind: fc.constant("cluster" as const), cluster: name }),
  fc.record({ kind: fc.constant("lastGood" as const), maxAgeMs: positiveMs, maxBytes: count }),
);

const statuses = fc
  .record({ start: fc.integer({ min: 100, max: 599 }), size: fc.integer({ min: 1, max: 99 }) })
  .map(({ start, size }) => ({ start, end: Math.min(600, start + size) }));

/** Any circuit that may travel. */
export const circuit: fc.Arbitrary<CircuitBreaker> = fc.record({
  name: fc.tuple(name, name).map((both) => both.join("/")),
  rule: optional(name),
  window: fc
    .record({ bucketMs: fc.integer({ min: 100, max: 9999 }), buckets: fc.constantFrom(1, 10, 100) })
    .map(({ bucketMs, buckets }) => ({ durationMs: bucketMs * buckets, buckets })),
  open,
  errors: fc.record({
    statuses: fc.array(statuses, upTo3),
    grpc: fc.array(fc.integer({ min: 1, max: 16 }), upTo3),
    slowerThanMs: optional(positiveMs),
  }),
  sleepMs: positiveMs,
  probes: fc.integer({ min: 1, max: 1000 }),
  scope: fc.constantFrom("caller", "mesh"),
  maxConcurrent: optional(count),
  fallback: optional(fallback),
  explains: fc.boolean(),
});
