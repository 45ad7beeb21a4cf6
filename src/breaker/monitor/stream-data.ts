import type { CommandSnapshot, LatencySnapshot } from "../stats/command-statistics.ts";
import type { EventType } from "../stats/event-type.ts";

const ROLLING: readonly (readonly [key: string, type: EventType])[] = [
  ["rollingCountBadRequests", "BAD_REQUEST"],
  ["rollingCountCollapsedRequests", "COLLAPSED"],
  ["rollingCountEmit", "EMIT"],
  ["rollingCountExceptionsThrown", "EXCEPTION_THROWN"],
  ["rollingCountFailure", "FAILURE"],
  ["rollingCountFallbackEmit", "FALLBACK_EMIT"],
  ["rollingCountFallbackFailure", "FALLBACK_FAILURE"],
  ["rollingCountFallbackMissing", "FALLBACK_MISSING"],
  ["rollingCountFallbackRejection", "FALLBACK_REJECTION"],
  ["rollingCountFallbackSuccess", "FALLBACK_SUCCESS"],
  ["rollingCountResponsesFromCache", "RESPONSE_FROM_CACHE"],
  ["rollingCountSemaphoreRejected", "SEMAPHORE_REJECTED"],
  ["rollingCountShortCircuited", "SHORT_CIRCUITED"],
  ["rollingCountSuccess", "SUCCESS"],
  ["rollingCountThreadPoolRejected", "THREAD_POOL_REJECTED"],
  ["rollingCountTimeout", "TIMEOUT"],
];

type StreamValue = string | number | boolean | null | Readonly<Record<string, number>>;
export type StreamData = Readonly<Record<string, StreamValue>>;

/**
 * What `hystrix.stream` says of a command: Hystrix 1.5's `SerialHystrixDashboardData`, whole
 * milliseconds and percents. Calls are held by a semaphore, so there are no thread pools.
 */
export function streamData(command: CommandSnapshot): StreamData {
  const { health, latencyExecute, latencyTotal } = command;
  return {
    type: "HystrixCommand",
    name: command.name,
    group: command.group,
    currentTime: Math.floor(command.at),
    isCircuitBreakerOpen: command.isOpen,
    errorPercentage: health.errorPercentage,
    errorCount: health.errors,
    requestCount: health.requests,
    ...Object.fromEntries(ROLLING.map(([key, type]) => [key, command.rolling[type]])),
    currentConcurrentExecutionCount: command.executing,
    rollingMaxConcurrentExecutionCount: command.rollingMaxExecuting,
    latencyExecute_mean: whole(latencyExecute.meanMs),
    latencyExecute: percentiles(latencyExecute),
    latencyTotal_mean: whole(latencyTotal.meanMs),
    latencyTotal: percentiles(latencyTotal),
    ...properties(command),
    reportingHosts: 1,
    threadPool: command.group,
  };
}

/** By the keys that the Hystrix Dashboard reads, which are the snapshot's. */
function percentiles({ percentilesMs }: LatencySnapshot): Readonly<Record<string, number>> {
  const rounded = Object.entries(percentilesMs).map(([key, ms]) => [key, whole(ms)]);
  return Object.fromEntries(rounded);
}

/** An `int` of Java: JSON has no infinity, and the dashboard drops what has no number. */
function whole(value: number): number {
  return Math.min(Math.round(value), 2 ** 31 - 1);
}

function properties({ settings, forced }: CommandSnapshot): StreamData {
  const timeoutMs = whole(settings.timeoutInMilliseconds);
  const values: StreamData = {
    circuitBreakerRequestVolumeThreshold: whole(settings.requestVolumeThreshold),
    circuitBreakerSleepWindowInMilliseconds: whole(settings.sleepWindowInMilliseconds),
    circuitBreakerErrorThresholdPercentage: whole(settings.errorThresholdPercentage),
    circuitBreakerForceOpen: forced === "open",
    circuitBreakerForceClosed: forced === "closed",
    circuitBreakerEnabled: settings.enabled,
    executionIsolationStrategy: "SEMAPHORE",
    executionIsolationThreadTimeoutInMilliseconds: timeoutMs,
    executionTimeoutInMilliseconds: timeoutMs,
    executionIsolationThreadInterruptOnTimeout: true,
    executionIsolationThreadPoolKeyOverride: null,
    executionIsolationSemaphoreMaxConcurrentRequests: whole(settings.maxConcurrentRequests),
    fallbackIsolationSemaphoreMaxConcurrentRequests: whole(settings.fallbackMaxConcurrentRequests),
    metricsRollingStatisticalWindowInMilliseconds: whole(settings.rollingStatsTimeInMilliseconds),
    requestCacheEnabled: true,
    requestLogEnabled: false,
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`propertyValue_${name}`, value]),
  );
}
