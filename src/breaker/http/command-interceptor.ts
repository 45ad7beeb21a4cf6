import { circuitBreaker } from "../circuit-breaker.ts";
import type { Command } from "../command/command.ts";
import type { CommandOptions } from "../command/options.ts";
import type { Call } from "../policy/call-scope.ts";
import { PerOrigin } from "./per-origin.ts";
import {
  type Dispatch,
  type DispatchOptions,
  isCallersFault,
  type RequestHandler,
  WatchedRequest,
} from "./watched-request.ts";

export interface CommandInterceptorOptions {
  /** Of the commands of the origins; their name is the origin. */
  readonly command?: Omit<CommandOptions, "name" | "classifyResult">;
  /** Which answers count as failures. Default: status 500 and above. */
  readonly isFailure?: (status: number) => boolean;
  /** Origins whose command is remembered. Default 1000. */
  readonly maxOrigins?: number;
}

/** An interceptor for undici's `compose`. */
export interface CommandInterceptor {
  <O extends DispatchOptions, H extends RequestHandler>(dispatch: Dispatch<O, H>): Dispatch<O, H>;
  /** Those of the origins, for metrics. */
  readonly commands: Iterable<Command>;
}

/** Sends one request; resolves with the status of its answer. */
type Send = (call: Call) => Promise<number>;
type GuardedSend = ReturnType<typeof guardOf>;

function guardOf(options: CommandOptions) {
  return circuitBreaker((call: Call, send: Send) => send(call), { ...options, passCall: true });
}

/** One request under a command. */
class GuardedRequest {
  readonly #handler: RequestHandler;
  readonly #dispatch: (handler: RequestHandler) => boolean;
  readonly #caller = new AbortController();
  #isSent = false;
  /** What `dispatch` said. */
  accepted = true;
  /** What it threw. */
  thrown: { readonly error: unknown } | undefined;

  constructor(handler: RequestHandler, dispatch: (handler: RequestHandler) => boolean) {
    this.#handler = handler;
    this.#dispatch = dispatch;
  }

  run(guarded: GuardedSend): void {
    const answer = guarded.within(this.#caller.signal)((call) => this.#send(call));
    answer.catch((error) => {
      // What was sent hears of its end from undici.
      if (!this.#isSent) this.#handler.onResponseError?.(null as never, error);
    });
  }

  #send({ signal }: Call): Promise<number> {
    this.#isSent = true;
    return new Promise((resolve, reject) => {
      const watched = new WatchedRequest(this.#handler, {
        onStatus: resolve,
        onError: reject,
        onAbort: (error) => this.#caller.abort(error),
      });
      // Where it is not the caller who gives up, it is the timeout.
      signal.addEventListener("abort", () => {
        if (!this.#caller.signal.aborted) watched.fail(signal.reason);
      });
      try {
        this.accepted = this.#dispatch(watched);
      } catch (error) {
        this.thrown = { error };
        reject(error);
      }
    });
  }
}

/**
 * Hystrix commands for undici, one for each origin: `agent.compose(commandInterceptor())`. With
 * timeout (until the answer's head), bulkhead, circuit and statistics; what is refused or late
 * fails with a `PolicyError`, as in `wrapFetch`.
 */
export function commandInterceptor(options: CommandInterceptorOptions = {}): CommandInterceptor {
  const { isFailure = (status: number): boolean => status >= 500, maxOrigins = 1000 } = options;
  const classifyResult = (status: unknown) => (isFailure(Number(status)) ? "failure" : "success");
  const { command } = options;
  const isBadRequest = (error: unknown) =>
    isCallersFault(error) || command?.isBadRequest?.(error) === true;
  const guards = new PerOrigin(
    (name) => guardOf({ group: "undici", ...command, name, classifyResult, isBadRequest }),
    maxOrigins,
  );
  const interceptor =
    <O extends DispatchOptions, H extends RequestHandler>(dispatch: Dispatch<O, H>) =>
    (target: O, handler: H): boolean => {
      const request = new GuardedRequest(handler, (watched) => dispatch(target, watched as H));
      request.run(guards.of(String(target.origin ?? "")));
      if (request.thrown !== undefined) throw request.thrown.error;
      return request.accepted;
    };
  return Object.assign(interceptor, { commands: { [Symbol.iterator]: () => breakersOf(guards) } });
}

function* breakersOf(guards: PerOrigin<GuardedSend>): Generator<Command> {
  for (const { breaker } of guards.values()) yield breaker;
}
