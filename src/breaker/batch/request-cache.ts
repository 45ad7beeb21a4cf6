import type { Command } from "../command/command.ts";
import { PerContext, type RequestContext } from "./request-context.ts";

export interface RequestCacheOptions<A extends readonly unknown[]> {
  /** Calls with the same key have the same answer; undefined: this one is made. */
  readonly key: (...args: A) => string | undefined;
  /** What a cache lives as long as. Calls outside of every context are made. */
  readonly context: RequestContext;
  /** Answers of one context; those beyond are not kept. Default 1000. */
  readonly maxEntries?: number;
  /** The command that `fn` is: answers from the cache count among its events. */
  readonly breaker?: Command;
}

export type RequestCached<This, A extends unknown[], R> = ((
  this: This,
  ...args: A
) => Promise<Awaited<R>>) & {
  /** Forgets the answer in the current context: what it tells of has changed. */
  forget(key: string): void;
};

/**
 * Makes the same call once in a request, however many ask for it, as Hystrix's request cache: also
 * while it is under way, and also where it fails, so that a request sees one truth. A hit takes no
 * permit and no time of whatever `fn` is guarded by.
 */
export function requestCache<This, A extends unknown[], R>(
  fn: (this: This, ...args: A) => R,
  options: RequestCacheOptions<A>,
): RequestCached<This, A, R> {
  const { key, context, maxEntries = 1000, breaker } = options;
  const caches = new PerContext(context, () => new Map<string, Promise<Awaited<R>>>());
  async function call(self: This, args: A): Promise<Awaited<R>> {
    return await fn.apply(self, args);
  }
  function cached(this: This, ...args: A): Promise<Awaited<R>> {
    const cache = caches.current();
    const name = cache === undefined ? undefined : key(...args);
    if (cache === undefined || name === undefined) return call(this, args);
    const known = cache.get(name);
    if (known !== undefined) {
      breaker?.note("RESPONSE_FROM_CACHE");
      return known;
    }
    const answer = call(this, args);
    if (cache.size < maxEntries) cache.set(name, answer);
    return answer;
  }
  return Object.assign(cached, { forget: (name: string) => void caches.current()?.delete(name) });
}
