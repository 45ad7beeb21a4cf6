import { type Call, CallScope, type Within } from "./call-scope.ts";

/** What a policy calls, perhaps more than once, perhaps not at all. */
export type Work<T> = (call: Call) => T | PromiseLike<T>;

/** A way of making calls. `Added` is what it may answer with instead: see `fallback`. */
export interface Policy<Added = never> {
  /** Never there: it shows the types of a composition what its parts add. */
  readonly added?: () => Added;

  /**
   * Makes one call. `within` has the signal of whoever waits for it; where that is aborted already,
   * rejects with its reason and calls nothing.
   */
  run<T>(work: Work<T>, within?: Within): Promise<T | Added>;

  /** `fn` under this policy, for functions that want no signal. Keeps `this`. */
  wrap<This, A extends unknown[], T>(
    fn: (this: This, ...args: A) => T,
  ): (this: This, ...args: A) => Promise<Awaited<T> | Added>;
}

/** What all policies share. */
export abstract class BasePolicy<Added = never> implements Policy<Added> {
  declare readonly added?: () => Added;

  /** One call; rejects rather than throws. */
  protected abstract execute<T>(work: Work<T>, scope: CallScope): Promise<T | Added>;

  run<T>(work: Work<T>, within?: Within): Promise<T | Added> {
    const scope = CallScope.of(within);
    if (scope.aborted) return Promise.reject(scope.reason);
    const answer = this.execute(work, scope);
    if (within === scope || within?.signal === undefined) return answer;
    return ending(answer, scope);
  }

  wrap<This, A extends unknown[], T>(
    fn: (this: This, ...args: A) => T,
  ): (this: This, ...args: A) => Promise<Awaited<T> | Added> {
    const policy = this;
    return function wrapped(...args) {
      return policy.run<Awaited<T>>(() => fn.apply(this, args) as Awaited<T>);
    };
  }
}

async function ending<T>(answer: Promise<T>, scope: CallScope): Promise<T> {
  try {
    return await answer;
  } finally {
    scope.end();
  }
}

/** The call itself. What it throws at once is rejected with, like what it throws later. */
export async function invoke<T>(work: Work<T>, call: Call): Promise<T> {
  return await work(call);
}
