import type { Breaker, Outcome, Permit } from "../breaker.ts";
import { type Clock, systemClock } from "../clock.ts";
import { CircuitOpenError } from "../errors.ts";
import { PerOrigin } from "./per-origin.ts";

/** What undici gives a handler to hold its request by. */
interface Controller {
  readonly aborted?: boolean;
}

/** undici's handler of one request, as of version 7. */
export interface RequestHandler {
  onRequestStart?(controller: never, context: unknown): void;
  onRequestUpgrade?(controller: never, status: number, headers: never, socket: never): void;
  onResponseStart?(controller: never, status: number, headers: never, text?: string): void;
  onResponseData?(controller: never, chunk: never): void;
  onResponseEnd?(controller: never, trailers: never): void;
  onResponseError?(controller: never, error: Error): void;
  onResponseStarted?(): void;
  onBodySent?(chunk: never): void;
  onRequestSent?(): void;
}

/** What of undici's options a circuit needs. */
interface DispatchOptions {
  readonly origin?: string | URL;
}

export interface InterceptorOptions {
  /** One for all requests, or one for each origin (`https://host:port`). */
  readonly breaker: Breaker | ((origin: string) => Breaker);
  /** Which answers count as failures. Default: status 500 and above. */
  readonly isFailure?: (status: number) => boolean;
  /** Origins whose breaker is remembered. Default 1000. */
  readonly maxOrigins?: number;
  readonly clock?: Clock;
}

/** Tells the breaker of one request, and its handler of everything. */
class WatchedRequest implements RequestHandler {
  readonly #handler: RequestHandler;
  readonly #isFailure: (status: number) => boolean;
  readonly #record: (outcome: Outcome) => void;

  constructor(
    handler: RequestHandler,
    isFailure: (status: number) => boolean,
    record: (outcome: Outcome) => void,
  ) {
    this.#handler = handler;
    this.#isFailure = isFailure;
    this.#record = record;
  }

  onRequestStart(controller: never, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(controller: never, status: number, headers: never, socket: never): void {
    this.#record("success");
    this.#handler.onRequestUpgrade?.(controller, status, headers, socket);
  }

  onResponseStart(controller: never, status: number, headers: never, text?: string): void {
    // Those below are interim: the answer comes after them.
    if (status >= 200) this.#record(this.#isFailure(status) ? "failure" : "success");
    this.#handler.onResponseStart?.(controller, status, headers, text);
  }

  onResponseData(controller: never, chunk: never): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: never, trailers: never): void {
    this.#handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: never, error: Error): void {
    const left = (controller as Controller | null)?.aborted === true;
    this.#record(left ? "ignored" : "failure");
    this.#handler.onResponseError?.(controller, error);
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onBodySent(chunk: never): void {
    this.#handler.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }
}

/**
 * A circuit for undici: `agent.compose(breakerInterceptor({ breaker }))`. What is refused fails
 * with a `CircuitOpenError`, which names the origin. The answer's head decides, as in `wrapFetch`;
 * what a caller aborts before that says nothing.
 */
export function breakerInterceptor(
  options: InterceptorOptions,
): <O extends DispatchOptions, H extends RequestHandler>(
  dispatch: (options: O, handler: H) => boolean,
) => (options: O, handler: H) => boolean {
  const { breaker, isFailure = (status) => status >= 500, clock = systemClock } = options;
  const breakers =
    typeof breaker === "function"
      ? new PerOrigin(breaker, options.maxOrigins ?? 1000)
      : { of: () => breaker };
  return <O extends DispatchOptions, H extends RequestHandler>(
    dispatch: (options: O, handler: H) => boolean,
  ) =>
    (request: O, handler: H): boolean => {
      const origin = String(request.origin ?? "");
      const one = breakers.of(origin);
      const permit = one.acquire(clock.now());
      if (permit === 0) {
        handler.onResponseError?.(null as never, new CircuitOpenError(origin));
        return true;
      }
      const record = recordOnce(one, permit, clock);
      const watched = new WatchedRequest(handler, isFailure, record);
      try {
        return dispatch(request, watched as RequestHandler as H);
      } catch (error) {
        record("ignored");
        throw error;
      }
    };
}

function recordOnce(breaker: Breaker, permit: Permit, clock: Clock): (outcome: Outcome) => void {
  let open = true;
  return (outcome) => {
    if (open) breaker.record(outcome, clock.now(), permit);
    open = false;
  };
}
