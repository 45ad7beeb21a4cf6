import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type HealthCheck as HealthCheckMessage,
  HealthCheckSchema,
} from "../../gen/envoy/config/core/v3/health_check_pb.js";
import type { HealthCheck, UpstreamProtocol } from "../../model/cluster.ts";
import type { Place } from "../check/place.ts";
import { durationMs, durationOr, toDuration } from "../message/scalar.ts";

const NO_TRAFFIC_MS = 60_000;

/** core.v3.HealthCheck of kind gRPC; the check has refused other kinds. */
export function decodeHealthChecks(
  messages: readonly HealthCheckMessage[],
  protocol: UpstreamProtocol,
  place: Place,
): HealthCheck[] {
  if (messages.length > 1) place.refuse("are too many", messages.length, "at most one");
  const checks = messages.flatMap(decodeHealthCheck);
  if (checks.length > 0 && protocol === "http1") {
    place.item(0).field("grpc_health_check").refuse("needs a cluster that speaks HTTP/2", protocol);
  }
  return checks;
}

function decodeHealthCheck(message: HealthCheckMessage): HealthCheck[] {
  const { healthChecker } = message;
  if (healthChecker.case !== "grpcHealthCheck") return [];
  const check: HealthCheck = {
    kind: "grpc",
    timeoutMs: durationMs(message.timeout),
    intervalMs: durationMs(message.interval),
    initialJitterMs: durationMs(message.initialJitter),
    noTrafficIntervalMs: durationOr(message.noTrafficInterval, NO_TRAFFIC_MS),
    unhealthyThreshold: message.unhealthyThreshold ?? 0,
    healthyThreshold: message.healthyThreshold ?? 0,
    serviceName: healthChecker.value.serviceName,
    authority: healthChecker.value.authority,
  };
  return [check];
}

export function encodeHealthCheck(check: HealthCheck): HealthCheckMessage {
  const { serviceName, authority } = check;
  const init: MessageInitShape<typeof HealthCheckSchema> = {
    timeout: toDuration(check.timeoutMs),
    interval: toDuration(check.intervalMs),
    noTrafficInterval: toDuration(check.noTrafficIntervalMs),
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
    healthChecker: { case: "grpcHealthCheck", value: { serviceName, authority } },
  };
  if (check.initialJitterMs > 0) init.initialJitter = toDuration(check.initialJitterMs);
  return create(HealthCheckSchema, init);
}
