import fc from "fast-check";
import type { HealthCheck, HealthCheckRhythm } from "../../src/model/upstream/health-check.ts";
import {
  ms,
  mutations,
  optional,
  positiveMs,
  stringMatch,
  text,
  upTo3,
} from "./arbitrary-words.ts";

/** Any legal health check, for round trips. */

const rhythm: fc.Arbitrary<HealthCheckRhythm> = fc.record({
  timeoutMs: positiveMs,
  intervalMs: positiveMs,
  initialJitterMs: ms,
  intervalJitterMs: ms,
  intervalJitterPercent: fc.nat(100),
  noTrafficIntervalMs: positiveMs,
  noTrafficHealthyIntervalMs: optional(positiveMs),
  unhealthyIntervalMs: optional(positiveMs),
  unhealthyEdgeIntervalMs: optional(positiveMs),
  healthyEdgeIntervalMs: optional(positiveMs),
  unhealthyThreshold: fc.nat(9),
  healthyThreshold: fc.nat(9),
  reuseConnection: fc.boolean(),
});

const grpc = fc.record({
  kind: fc.constant("grpc" as const),
  serviceName: text,
  authority: fc.constantFrom("", "health.example"),
});

const hex = fc.constantFrom("00", "504f4e47");
const statuses = fc.array(
  fc.constantFrom({ start: 200, end: 300 }, { start: 404, end: 405 }),
  upTo3,
);

const http = fc.record({
  kind: fc.constant("http" as const),
  codec: fc.constantFrom("http1", "http2"),
  host: fc.constantFrom("", "health.example"),
  path: fc.constantFrom("/", "/healthz"),
  method: fc.constantFrom("GET", "HEAD", "POST"),
  requestHeaders: mutations.map(({ set, remove }) => ({
    set: set.map((one) => ({ ...one, value: one.value.replaceAll("%", "") })),
    remove,
  })),
  expectedStatuses: statuses,
  retriableStatuses: statuses,
  receive: fc.array(hex, upTo3),
  responseBufferBytes: fc.constantFrom(0, 1024),
  serviceName: optional(stringMatch),
});

const tcp = fc.record({
  kind: fc.constant("tcp" as const),
  send: fc.constantFrom("", "50494e47"),
  receive: fc.array(hex, upTo3),
});

export const healthCheck: fc.Arbitrary<HealthCheck> = fc
  .tuple(rhythm, fc.oneof(grpc, http, tcp))
  .map(([when, what]) => ({ ...when, ...what }));
