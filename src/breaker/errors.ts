/** Why a policy did not let a call through, or did not wait for it. Stable: log it, count it. */
export type Reason =
  | "bad_request"
  | "bulkhead_full"
  | "bulkhead_wait_timeout"
  | "circuit_open"
  | "failed_response"
  | "fallback_failed"
  | "fallback_full"
  | "hedge_lost"
  | "rate_limited"
  | "timeout";

/**
 * What policies and circuits reject with. It has no stack: no line of the application is to blame,
 * and taking one costs ten times as much, just when thousands of calls are refused.
 */
export abstract class PolicyError extends Error {
  readonly reason: Reason;
  /** Which policy it was, as its options name it. */
  readonly policy: string;

  constructor(reason: Reason, policy: string, message: string, options?: ErrorOptions) {
    const limit = Error.stackTraceLimit;
    // Neither writable under `--frozen-intrinsics` nor known to every browser.
    const set = typeof limit === "number" && Reflect.set(Error, "stackTraceLimit", 0);
    super(message, options);
    if (set) Error.stackTraceLimit = limit;
    this.reason = reason;
    this.policy = policy;
  }
}

/** An open circuit refused the call: it was not made. */
export class CircuitOpenError extends PolicyError {
  constructor(policy: string) {
    super("circuit_open", policy, `circuit ${policy} is open`);
  }
}

/** There was no answer in time. The call's signal is aborted with this error. */
export class CallTimeoutError extends PolicyError {
  readonly timeoutMs: number;

  constructor(policy: string, timeoutMs: number) {
    super("timeout", policy, `${policy}: no answer within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** As many calls run, and wait, as may: it was not made. */
export class BulkheadFullError extends PolicyError {
  constructor(policy: string) {
    super("bulkhead_full", policy, `bulkhead ${policy} is full`);
  }
}

/** It waited for its turn for as long as it may: it was not made. */
export class BulkheadWaitError extends PolicyError {
  constructor(policy: string, waitMs: number) {
    super("bulkhead_wait_timeout", policy, `bulkhead ${policy}: no turn within ${waitMs} ms`);
  }
}

/** Too many calls in too short a time: it was not made. */
export class RateLimitedError extends PolicyError {
  /** When the next one may be let through. */
  readonly retryAfterMs: number;

  constructor(policy: string, retryAfterMs: number) {
    super("rate_limited", policy, `${policy}: over the rate; again in ${retryAfterMs} ms`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** As many fallbacks run as may. `cause` is what the call failed with. */
export class FallbackFullError extends PolicyError {
  constructor(policy: string, cause: unknown) {
    super("fallback_full", policy, `fallback ${policy} is full`, { cause });
  }
}

/** The fallback failed as well. `cause` is what the call failed with. */
export class FallbackFailedError extends PolicyError {
  /** What the fallback threw. */
  readonly fallbackError: unknown;

  constructor(policy: string, cause: unknown, fallbackError: unknown) {
    super("fallback_failed", policy, `fallback ${policy} failed`, { cause });
    this.fallbackError = fallbackError;
  }
}

/** The reason of the signal of a try whose answer nobody needs any more. */
export class HedgeLostError extends PolicyError {
  constructor(policy: string) {
    super("hedge_lost", policy, `${policy}: another try answered first`);
  }
}

/**
 * What policies see in place of an answer that counts as a failure, so that they need not know of
 * HTTP. Nobody else does: where no fallback answers, the caller gets the response.
 */
export class FailedResponseError extends PolicyError {
  readonly response: Response;

  constructor(response: Response) {
    super("failed_response", "", `answered with status ${response.status}`);
    this.response = response;
  }

  get status(): number {
    return this.response.status;
  }

  get headers(): Headers {
    return this.response.headers;
  }
}

/**
 * Thrown by the application: its own arguments are wrong. Hystrix's bad request: no policy retries
 * it, no fallback hides it, no circuit counts it.
 */
export class BadRequestError extends PolicyError {
  constructor(message: string, options?: ErrorOptions) {
    super("bad_request", "", message, options);
  }
}

const NAMES: readonly (readonly [abstract new (...values: never[]) => PolicyError, string])[] = [
  [CircuitOpenError, "CircuitOpenError"],
  [CallTimeoutError, "CallTimeoutError"],
  [BulkheadFullError, "BulkheadFullError"],
  [BulkheadWaitError, "BulkheadWaitError"],
  [RateLimitedError, "RateLimitedError"],
  [FallbackFullError, "FallbackFullError"],
  [FallbackFailedError, "FallbackFailedError"],
  [HedgeLostError, "HedgeLostError"],
  [FailedResponseError, "FailedResponseError"],
  [BadRequestError, "BadRequestError"],
];

// On the prototype, where Error has its own: instances need no field, minifiers cannot change it.
for (const [made, name] of NAMES) Object.defineProperty(made.prototype, "name", { value: name });
