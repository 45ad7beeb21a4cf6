import type { Breaker, Outcome } from "../breaker.ts";
import { type Clock, systemClock } from "../clock.ts";
import { CircuitOpenError } from "../errors.ts";
import { PerOrigin } from "./per-origin.ts";
import {
  type Dispatch,
  type DispatchOptions,
  isCallersFault,
  type RequestHandler,
  WatchedRequest,
} from "./watched-request.ts";

export interface InterceptorOptions {
  /** One for all requests, or one for each origin (`https://host:port`). */
  readonly breaker: Breaker | ((origin: string) => Breaker);
  /** Which answers count as failures. Default: status 500 and above. */
  readonly isFailure?: (status: number) => boolean;
  /** Origins whose breaker is remembered. Default 1000. */
  readonly maxOrigins?: number;
  readonly clock?: Clock;
}

/**
 * A circuit for undici: `agent.compose(breakerInterceptor({ breaker }))`. What is refused fails
 * with a `CircuitOpenError`, which names the origin. The answer's head decides, as in `wrapFetch`;
 * what a caller aborts before that says nothing.
 */
export function breakerInterceptor(
  options: InterceptorOptions,
): <O extends DispatchOptions, H extends RequestHandler>(
  dispatch: Dispatch<O, H>,
) => Dispatch<O, H> {
  const { breaker, isFailure = (status) => status >= 500, clock = systemClock } = options;
  const breakers =
    typeof breaker === "function"
      ? new PerOrigin(breaker, options.maxOrigins ?? 1000)
      : { of: () => breaker };
  return <O extends DispatchOptions, H extends RequestHandler>(dispatch: Dispatch<O, H>) =>
    (request: O, handler: H): boolean => {
      const origin = String(request.origin ?? "");
      const one = breakers.of(origin);
      const permit = one.acquire(clock.now());
      if (permit === 0) {
        handler.onResponseError?.(null as never, new CircuitOpenError(origin));
        return true;
      }
      const record = (outcome: Outcome): void => one.record(outcome, clock.now(), permit);
      const watched = new WatchedRequest(handler, {
        onStatus: (status) => record(isFailure(status) ? "failure" : "success"),
        onError: (error) => record(isCallersFault(error) ? "ignored" : "failure"),
        onAbort: () => record("ignored"),
      });
      try {
        return dispatch(request, watched as RequestHandler as H);
      } catch (error) {
        record("ignored");
        throw error;
      }
    };
}
