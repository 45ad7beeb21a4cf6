/**
 * What belongs together: usually one incoming request. Node's `AsyncLocalStorage`, Bun's and Deno's
 * fit as they are; `getStore` gives an object that is the same throughout the request.
 */
export interface RequestContext {
  getStore(): object | undefined;
}

/** One thing for each context, gone with it. */
export class PerContext<T> {
  readonly #context: RequestContext;
  readonly #make: () => T;
  readonly #byStore = new WeakMap<object, T>();

  constructor(context: RequestContext, make: () => T) {
    this.#context = context;
    this.#make = make;
  }

  /** Undefined outside of every context. */
  current(): T | undefined {
    const store = this.#context.getStore();
    if (store === undefined) return undefined;
    const known = this.#byStore.get(store);
    if (known !== undefined) return known;
    const made = this.#make();
    this.#byStore.set(store, made);
    return made;
  }
}
