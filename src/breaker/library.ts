/** All that `outrigger/breaker` offers; what is not named here may change from day to day. */
// biome-ignore-all lint/performance/noBarrelFile: the package's own door, for those outside
export { type Collapsed, type CollapserOptions, collapse } from "./batch/collapser.ts";
export { type RequestCacheOptions, requestCache } from "./batch/request-cache.ts";
export type { RequestContext } from "./batch/request-context.ts";
export type { Breaker, CircuitState, Forced, Outcome, Permit } from "./breaker.ts";
export type { Backoff } from "./circuit/options.ts";
export { type CircuitBreakerOptions, circuitBreaker, type Guarded } from "./circuit-breaker.ts";
export { type Chance, type Clock, systemClock, type Timer } from "./clock.ts";
export type { CircuitRecord } from "./command/circuit-record.ts";
export { Command, type CommandEvents, type ExecutionEvent } from "./command/command.ts";
export { currentCall } from "./command/guard.ts";
export { hystrixProperties } from "./command/hystrix-properties.ts";
export type {
  CommandOptions,
  CommandSettings,
  ErrorClass,
  SlowCalls,
  TransitionEvent,
} from "./command/options.ts";
export {
  BadRequestError,
  BulkheadFullError,
  BulkheadWaitError,
  CallTimeoutError,
  CircuitOpenError,
  FailedResponseError,
  FallbackFailedError,
  FallbackFullError,
  HedgeLostError,
  PolicyError,
  RateLimitedError,
  type Reason,
} from "./errors.ts";
export {
  type CommandInterceptor,
  type CommandInterceptorOptions,
  commandInterceptor,
} from "./http/command-interceptor.ts";
export { breakerInterceptor, type InterceptorOptions } from "./http/dispatcher.ts";
export { type Fetch, type FetchOptions, type GuardedFetch, wrapFetch } from "./http/wrap-fetch.ts";
export { HystrixStream, type HystrixStreamOptions } from "./monitor/hystrix-stream.ts";
export { type Monitored, type PrometheusOptions, prometheusText } from "./monitor/prometheus.ts";
export { PROMETHEUS_CONTENT_TYPE } from "./monitor/text-format.ts";
export { type Bulkhead, type BulkheadOptions, bulkhead } from "./policy/bulkhead.ts";
export type { Call, Repeatable, Within } from "./policy/call-scope.ts";
export { type CircuitPolicyOptions, circuit, outcomeOf } from "./policy/circuit.ts";
export { type CommandPolicy, command } from "./policy/command.ts";
export { compose } from "./policy/compose.ts";
export { type Fallback, type FallbackOptions, fallback } from "./policy/fallback.ts";
export { type Hedge, type HedgeOptions, hedge } from "./policy/hedge.ts";
export type { Policy, Work } from "./policy/policy.ts";
export { type RateLimit, type RateLimitOptions, rateLimit } from "./policy/rate-limit.ts";
export type { BackOff } from "./policy/retry/back-off.ts";
export { type Retry, type RetryEvent, type RetryOptions, retry } from "./policy/retry/retry.ts";
export { RetryBudget, type RetryBudgetOptions } from "./policy/retry/retry-budget.ts";
export { wasNeverSent } from "./policy/retry/retryable.ts";
export { type TimeoutOptions, timeout } from "./policy/timeout.ts";
export type { CommandSnapshot, LatencySnapshot } from "./stats/command-statistics.ts";
export { EVENT_TYPES, type EventType, isTerminal } from "./stats/event-type.ts";
export type { StrategyOptions } from "./strategy/strategy.ts";
