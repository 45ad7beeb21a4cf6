// hot path: no allocation per request
import type { RbacAction, RbacRules } from "../../../model/filter/rbac.ts";
import { MatcherCompiler, sideOf } from "./match/compile-matcher.ts";
import { OneOf, type RbacMatcher } from "./match/matcher.ts";
import { PolicyIndex } from "./policy-index.ts";
import type { RbacSubject } from "./subject.ts";

/** No policy matches. */
export const NO_POLICY = -1;

/** Fewer are asked one after the other. */
const INDEXED_MIN = 4;

/** One of the permissions, and one of the principals. */
interface CompiledPolicy {
  readonly permissions: RbacMatcher;
  readonly principals: RbacMatcher;
}

/** Envoy: RoleBasedAccessControlEngineImpl. */
export class CompiledRules {
  readonly action: RbacAction;
  /** Of the policies, by their numbers. */
  readonly names: readonly string[];
  readonly #policies: readonly CompiledPolicy[];
  readonly #index: PolicyIndex | undefined;

  /** Throws where a regex, an address or a template is none. */
  constructor({ action, policies }: RbacRules) {
    this.action = action;
    const compiler = new MatcherCompiler(action);
    const side = sideOf(action);
    const sorted = [...policies].sort((a, b) =>
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
    );
    this.names = sorted.map(({ name }) => name);
    this.#policies = sorted.map(({ permissions, principals }) => ({
      permissions: new OneOf(permissions.map((one) => compiler.compile(one, side))),
      principals: new OneOf(principals.map((one) => compiler.compile(one, side))),
    }));
    this.#index = sorted.length < INDEXED_MIN ? undefined : new PolicyIndex(sorted);
  }

  /** The number of the first policy that matches; else `NO_POLICY`. */
  match(subject: RbacSubject): number {
    if (this.#index !== undefined) return this.#matchIndexed(this.#index, subject);
    for (let i = 0; i < this.#policies.length; i++) if (this.#matchesOne(i, subject)) return i;
    return NO_POLICY;
  }

  /** Whether a request passes of which `match` said so. */
  allows(matched: number): boolean {
    if (this.action === "log") return true;
    return (matched === NO_POLICY) === (this.action === "deny");
  }

  #matchIndexed(index: PolicyIndex, subject: RbacSubject): number {
    index.look(subject);
    const { candidates } = index;
    for (let word = 0; word < candidates.length; word++) {
      let bits = candidates[word] as number;
      while (bits !== 0) {
        const lowest = bits & -bits;
        const policy = word * 32 + 31 - Math.clz32(lowest);
        if (this.#matchesOne(policy, subject)) return policy;
        bits ^= lowest;
      }
    }
    return NO_POLICY;
  }

  #matchesOne(policy: number, subject: RbacSubject): boolean {
    const { permissions, principals } = this.#policies[policy] as CompiledPolicy;
    return permissions.matches(subject) && principals.matches(subject);
  }
}
