import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type CircuitBreakers,
  CircuitBreakers_ThresholdsSchema,
  CircuitBreakersSchema,
  type CircuitBreakers_Thresholds as ThresholdsMessage,
} from "../../gen/envoy/config/cluster/v3/circuit_breaker_pb.js";
import { RoutingPriority } from "../../gen/envoy/config/core/v3/base_pb.js";
import { ENVOY_THRESHOLDS, type RetryBudget, type Thresholds } from "../../model/cluster.ts";
import type { Place } from "../check/place.ts";

const BUDGET_PERCENT = 20;
const MIN_RETRY_CONCURRENCY = 3;

/** The thresholds of DEFAULT priority. HIGH's are read over: no route may ask for it. */
export function decodeThresholds(message: CircuitBreakers | undefined, place: Place): Thresholds {
  const all = message?.thresholds ?? [];
  const ours = all.filter((entry) => entry.priority === RoutingPriority.DEFAULT);
  if (ours.length > 1) {
    place.field("thresholds").refuse("stand twice for one priority", "DEFAULT", "once");
  }
  const found = ours[0];
  if (found === undefined) return ENVOY_THRESHOLDS;
  return {
    maxConnections: found.maxConnections ?? ENVOY_THRESHOLDS.maxConnections,
    maxPendingRequests: found.maxPendingRequests ?? ENVOY_THRESHOLDS.maxPendingRequests,
    maxRequests: found.maxRequests ?? ENVOY_THRESHOLDS.maxRequests,
    maxRetries: found.maxRetries ?? ENVOY_THRESHOLDS.maxRetries,
    retryBudget: decodeBudget(found.retryBudget),
    trackRemaining: found.trackRemaining,
  };
}

function decodeBudget(budget: ThresholdsMessage["retryBudget"]): RetryBudget | undefined {
  if (budget === undefined) return undefined;
  return {
    budgetPercent: budget.budgetPercent?.value ?? BUDGET_PERCENT,
    minRetryConcurrency: budget.minRetryConcurrency ?? MIN_RETRY_CONCURRENCY,
  };
}

export function encodeThresholds(thresholds: Thresholds): CircuitBreakers {
  const { retryBudget } = thresholds;
  const init: MessageInitShape<typeof CircuitBreakers_ThresholdsSchema> = {
    maxConnections: thresholds.maxConnections,
    maxPendingRequests: thresholds.maxPendingRequests,
    maxRequests: thresholds.maxRequests,
    maxRetries: thresholds.maxRetries,
    trackRemaining: thresholds.trackRemaining,
  };
  if (retryBudget !== undefined) {
    init.retryBudget = {
      budgetPercent: { value: retryBudget.budgetPercent },
      minRetryConcurrency: retryBudget.minRetryConcurrency,
    };
  }
  return create(CircuitBreakersSchema, {
    thresholds: [create(CircuitBreakers_ThresholdsSchema, init)],
  });
}
