import { Command } from "./command/command.ts";
import { Guard } from "./command/guard.ts";
import type { CommandOptions } from "./command/options.ts";
import type { Call, Within } from "./policy/call-scope.ts";

// biome-ignore lint/suspicious/noExplicitAny: the widest function type; `never` infers nothing
type AnyFunction = (...args: any) => unknown;

/** `F` itself where it answers with a promise, overloads and all; else `F` with a promise. */
export type Promised<F extends AnyFunction> =
  ReturnType<F> extends Promise<unknown>
    ? F
    : (this: ThisParameterType<F>, ...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>>;

/** A function behind a circuit. Called as the function itself is, with the same `this`. */
export type Guarded<F extends AnyFunction> = Promised<F> & {
  /** State, events, counts; what may be done by hand. */
  readonly breaker: Command;
  /** The same for a caller that may give up: then the call is cancelled, and its signal aborted. */
  within(within: Within | AbortSignal): Promised<F>;
};

export interface CircuitBreakerOptions<F extends AnyFunction> extends CommandOptions {
  /**
   * Answers in the function's place, with what it failed with (`CircuitOpenError`,
   * `BulkheadFullError`, `CallTimeoutError` or its own error) and the call's arguments.
   */
  readonly fallback?: (
    this: ThisParameterType<F>,
    error: unknown,
    ...args: Parameters<F>
  ) => ReturnType<F> | Awaited<ReturnType<F>> | PromiseLike<Awaited<ReturnType<F>>>;
  /** Where the caller's signal is among the arguments. */
  readonly signalOf?: (...args: Parameters<F>) => AbortSignal | null | undefined;
}

/** Drops the call, which the circuit passes. */
type WithoutCall<F> = F extends (call: Call, ...args: infer A) => infer R
  ? (...args: A) => Promise<Awaited<R>>
  : never;

/**
 * A function behind a circuit, as a Hystrix command: the circuit lets it through or does not, at
 * most `maxConcurrentRequests` run at one time, and nobody waits longer than the timeout. What
 * fails is answered by the fallback, if there is one; else the promise is rejected, with a
 * `PolicyError` where the circuit is the reason. What the function throws at once is rejected too.
 *
 * Each call has a signal, aborted when nobody waits any more: `currentCall().signal` within the
 * function, or its first argument with `passCall`.
 *
 * @throws RangeError, TypeError when the options make no sense: all of it at once.
 */
export function circuitBreaker<F extends (call: Call, ...args: never[]) => unknown>(
  fn: F,
  options: CircuitBreakerOptions<WithoutCall<F>> & { readonly passCall: true },
): Guarded<WithoutCall<F>>;
export function circuitBreaker<F extends AnyFunction>(
  fn: F,
  options?: CircuitBreakerOptions<F> & { readonly passCall?: false },
): Guarded<F>;
export function circuitBreaker(
  fn: AnyFunction,
  options: CircuitBreakerOptions<AnyFunction> & { readonly passCall?: boolean } = {},
): Guarded<AnyFunction> {
  if (typeof fn !== "function") throw new TypeError("circuitBreaker: a function is needed");
  const { signalOf, fallback, passCall = false } = options;
  const command = new Command(fn.name || "circuit", options);
  const guard = new Guard({ command, work: fn, fallback, passCall });

  const takesOne = signalOf === undefined && fallback === undefined && !passCall;

  /** Keeps no array of arguments, so that none is made. */
  function guarded(this: unknown, ...args: unknown[]): Promise<unknown> {
    if (takesOne && args.length === 1) return guard.runOne(this, args[0]);
    return guardedAll.apply(this, args);
  }

  function guardedAll(this: unknown, ...args: unknown[]): Promise<unknown> {
    if (signalOf === undefined) return guard.run(this, args, undefined);
    let signal: AbortSignal | undefined;
    try {
      signal = signalOf(...args) ?? undefined;
    } catch (error) {
      return Promise.reject(error);
    }
    return guard.run(this, args, signal);
  }

  function within(outer: Within | AbortSignal): AnyFunction {
    // By its shape: another realm's is none of this one's class.
    const signal = "addEventListener" in outer ? outer : outer.signal;
    return function guardedWithin(this: unknown, ...args: unknown[]): Promise<unknown> {
      return guard.run(this, args, signal);
    };
  }

  Object.defineProperty(guarded, "name", { value: fn.name, configurable: true });
  Object.defineProperty(guarded, "length", { value: fn.length, configurable: true });
  return Object.assign(guarded, { breaker: command, within }) as Guarded<AnyFunction>;
}
