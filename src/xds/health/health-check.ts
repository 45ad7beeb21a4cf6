import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type HealthCheck as HealthCheckMessage,
  HealthCheckSchema,
} from "../../gen/envoy/config/core/v3/health_check_pb.js";
import type { UpstreamProtocol } from "../../model/cluster.ts";
import type {
  GrpcHealthCheck,
  HealthCheck,
  HealthCheckRhythm,
} from "../../model/upstream/health-check.ts";
import type { Place } from "../check/place.ts";
import { durationMs, durationOr, toDuration } from "../message/scalar.ts";
import { decodeHttpCheck, encodeHttpCheck } from "./http-check.ts";
import { decodeTcpCheck, encodeTcpCheck } from "./tcp-check.ts";

const NO_TRAFFIC_MS = 60_000;

/** core.v3.HealthCheck; the check has refused custom ones. */
export function decodeHealthChecks(
  messages: readonly HealthCheckMessage[],
  protocol: UpstreamProtocol,
  place: Place,
): HealthCheck[] {
  if (messages.length > 1) place.refuse("are too many", messages.length, "at most one");
  const checks = messages.flatMap((message, i) => decodeOne(message, place.item(i)) ?? []);
  if (checks[0]?.kind === "grpc" && protocol === "http1") {
    place.item(0).field("grpc_health_check").refuse("needs a cluster that speaks HTTP/2", protocol);
  }
  return checks;
}

function decodeOne(message: HealthCheckMessage, place: Place): HealthCheck | undefined {
  const { healthChecker } = message;
  const rhythm = decodeRhythm(message);
  switch (healthChecker.case) {
    case "grpcHealthCheck": {
      const { serviceName, authority } = healthChecker.value;
      return { ...rhythm, kind: "grpc", serviceName, authority };
    }
    case "httpHealthCheck":
      return decodeHttpCheck(healthChecker.value, rhythm, place.field("http_health_check"));
    case "tcpHealthCheck":
      return decodeTcpCheck(healthChecker.value, rhythm, place.field("tcp_health_check"));
    default:
      return undefined;
  }
}

function decodeRhythm(message: HealthCheckMessage): HealthCheckRhythm {
  const optional = (duration: HealthCheckMessage["timeout"]): number | undefined =>
    duration === undefined ? undefined : durationMs(duration);
  return {
    timeoutMs: durationMs(message.timeout),
    intervalMs: durationMs(message.interval),
    initialJitterMs: durationMs(message.initialJitter),
    intervalJitterMs: durationMs(message.intervalJitter),
    intervalJitterPercent: message.intervalJitterPercent,
    noTrafficIntervalMs: durationOr(message.noTrafficInterval, NO_TRAFFIC_MS),
    noTrafficHealthyIntervalMs: optional(message.noTrafficHealthyInterval),
    unhealthyIntervalMs: optional(message.unhealthyInterval),
    unhealthyEdgeIntervalMs: optional(message.unhealthyEdgeInterval),
    healthyEdgeIntervalMs: optional(message.healthyEdgeInterval),
    unhealthyThreshold: message.unhealthyThreshold ?? 0,
    healthyThreshold: message.healthyThreshold ?? 0,
    reuseConnection: message.reuseConnection ?? true,
  };
}

export function encodeHealthCheck(check: HealthCheck): HealthCheckMessage {
  const init: MessageInitShape<typeof HealthCheckSchema> = {
    timeout: toDuration(check.timeoutMs),
    interval: toDuration(check.intervalMs),
    intervalJitterPercent: check.intervalJitterPercent,
    noTrafficInterval: toDuration(check.noTrafficIntervalMs),
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
    reuseConnection: check.reuseConnection,
    healthChecker: encodeChecker(check),
  };
  if (check.initialJitterMs > 0) init.initialJitter = toDuration(check.initialJitterMs);
  if (check.intervalJitterMs > 0) init.intervalJitter = toDuration(check.intervalJitterMs);
  Object.assign(init, encodeIntervals(check));
  return create(HealthCheckSchema, init);
}

/** Those that stand for others where they are left out. */
function encodeIntervals(rhythm: HealthCheckRhythm): MessageInitShape<typeof HealthCheckSchema> {
  const init: MessageInitShape<typeof HealthCheckSchema> = {};
  const { noTrafficHealthyIntervalMs, unhealthyIntervalMs } = rhythm;
  const { unhealthyEdgeIntervalMs, healthyEdgeIntervalMs } = rhythm;
  if (noTrafficHealthyIntervalMs !== undefined) {
    init.noTrafficHealthyInterval = toDuration(noTrafficHealthyIntervalMs);
  }
  if (unhealthyIntervalMs !== undefined) init.unhealthyInterval = toDuration(unhealthyIntervalMs);
  if (unhealthyEdgeIntervalMs !== undefined) {
    init.unhealthyEdgeInterval = toDuration(unhealthyEdgeIntervalMs);
  }
  if (healthyEdgeIntervalMs !== undefined) {
    init.healthyEdgeInterval = toDuration(healthyEdgeIntervalMs);
  }
  return init;
}

type Checker = NonNullable<MessageInitShape<typeof HealthCheckSchema>["healthChecker"]>;

function encodeChecker(check: HealthCheck): Checker {
  switch (check.kind) {
    case "grpc":
      return encodeGrpcCheck(check);
    case "http":
      return { case: "httpHealthCheck", value: encodeHttpCheck(check) };
    case "tcp":
      return { case: "tcpHealthCheck", value: encodeTcpCheck(check) };
  }
}

function encodeGrpcCheck({ serviceName, authority }: GrpcHealthCheck): Checker {
  return { case: "grpcHealthCheck", value: { serviceName, authority } };
}
