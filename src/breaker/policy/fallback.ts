import { BadRequestError, FallbackFailedError, FallbackFullError } from "../errors.ts";
import type { Call, CallScope } from "./call-scope.ts";
import { BasePolicy, type Policy, type Work } from "./policy.ts";

export interface FallbackOptions {
  /** Which errors it answers for. Default: all; a `BadRequestError` is never one of them. */
  readonly on?: (error: unknown) => boolean;
  /** Fallbacks at one time, as Hystrix's own semaphore. Default 10. */
  readonly maxConcurrent?: number;
  /** In errors. Default "fallback". */
  readonly name?: string;
}

export interface Fallback<Added> extends Policy<Added> {
  /** Since it was made: how often it answered, failed as well, and was refused. */
  readonly succeeded: number;
  readonly failed: number;
  readonly rejected: number;
}

/** What to answer with instead; `error` is what the call failed with. */
export type Substitute<Added> = (error: unknown, call: Call) => Added | PromiseLike<Added>;

class BoundedFallback<Added> extends BasePolicy<Added> implements Fallback<Added> {
  readonly #substitute: Substitute<Added>;
  readonly #on: ((error: unknown) => boolean) | undefined;
  readonly #maxConcurrent: number;
  readonly #name: string;
  #running = 0;
  succeeded = 0;
  failed = 0;
  rejected = 0;

  constructor(substitute: Substitute<Added>, options: FallbackOptions) {
    super();
    this.#substitute = substitute;
    this.#on = options.on;
    this.#maxConcurrent = options.maxConcurrent ?? 10;
    this.#name = options.name ?? "fallback";
  }

  protected async execute<T>(work: Work<T>, scope: CallScope): Promise<T | Added> {
    try {
      return await work(scope);
    } catch (error) {
      // Nobody waits for an answer to a call that its caller gave up.
      if (scope.aborted || error instanceof BadRequestError) throw error;
      if (this.#on !== undefined && !this.#on(error)) throw error;
      return await this.#answer(error, scope);
    }
  }

  async #answer(error: unknown, scope: CallScope): Promise<Added> {
    if (this.#running >= this.#maxConcurrent) {
      this.rejected++;
      throw new FallbackFullError(this.#name, error);
    }
    this.#running++;
    try {
      const answer = await this.#substitute(error, scope);
      this.succeeded++;
      return answer;
    } catch (fallbackError) {
      this.failed++;
      throw new FallbackFailedError(this.#name, error, fallbackError);
    } finally {
      this.#running--;
    }
  }
}

/**
 * Answers for calls that failed, within a limit of its own: when everything fails, what the
 * fallback calls must not be the next to fall. Should it fail as well, the call rejects with a
 * `FallbackFailedError` that has both errors; there is no fallback's fallback.
 */
export function fallback<Added>(
  substitute: Substitute<Added>,
  options: FallbackOptions = {},
): Fallback<Added> {
  return new BoundedFallback(substitute, options);
}
