import type { Call, CallScope } from "./call-scope.ts";
import { BasePolicy, invoke, type Policy, type Work } from "./policy.ts";

type AddedBy<P> = P extends { readonly added?: () => infer Added } ? Added : never;

class Composed<Added> extends BasePolicy<Added> {
  readonly #policies: readonly Policy<Added>[];

  constructor(policies: readonly Policy<Added>[]) {
    super();
    this.#policies = policies;
  }

  protected execute<T>(work: Work<T>, scope: CallScope): Promise<T | Added> {
    return this.#from(0, work, scope);
  }

  #from<T>(index: number, work: Work<T>, call: Call): Promise<T | Added> {
    const policy = this.#policies[index];
    if (policy === undefined) return invoke(work, call);
    if (index === this.#policies.length - 1) return policy.run(work, call);
    return policy.run((inner) => this.#from(index + 1, work, inner), call);
  }
}

/**
 * One policy of several, the outermost first: in `compose(fallback(…), retry(…), circuit(…),
 * timeout(…))` each try has its own timeout, the circuit sees each try, and the fallback answers
 * when the last try has failed.
 */
export function compose<const P extends readonly Policy<unknown>[]>(
  ...policies: P
): Policy<AddedBy<P[number]>> {
  return new Composed(policies as readonly Policy<AddedBy<P[number]>>[]);
}
