// hot path: no allocation per request
import type { RbacPolicy } from "../../../model/filter/rbac.ts";
import { needOf } from "./policy-need.ts";
import type { RbacSubject } from "./subject.ts";

const BITS = 32;

/** Numbers of policies, one bit each. */
class PolicySet {
  readonly words: Uint32Array;

  constructor(policies: number) {
    this.words = new Uint32Array(Math.ceil(policies / BITS));
  }

  add(policy: number): void {
    const word = policy >>> 5;
    this.words[word] = (this.words[word] as number) | (1 << (policy & 31));
  }
}

/**
 * Finds the policies that could match a request, without asking each: most name callers or paths.
 *
 * ```
 *   request ── its certificate's names ──► bits of the policies that want them ┐
 *           ── its path ─────────────────► likewise                           ┼─ or ─► candidates
 *           ── anything ─────────────────► policies that want neither         ┘
 * ```
 * One a set of rules: `candidates` holds what the last request came to.
 */
export class PolicyIndex {
  readonly candidates: Uint32Array;
  readonly #always: PolicySet;
  readonly #byPeer = new Map<string, PolicySet>();
  readonly #byPath = new Map<string, PolicySet>();
  readonly #all: PolicySet;

  constructor(policies: readonly RbacPolicy[]) {
    const count = policies.length;
    this.candidates = new PolicySet(count).words;
    this.#always = new PolicySet(count);
    this.#all = new PolicySet(count);
    for (const [number, policy] of policies.entries()) {
      this.#all.add(number);
      const need = needOf(policy);
      if (need === undefined) this.#always.add(number);
      else this.#addWanted(need.of === "peer" ? this.#byPeer : this.#byPath, need.values, number);
    }
  }

  #addWanted(map: Map<string, PolicySet>, values: readonly string[], policy: number): void {
    for (const value of values) {
      let set = map.get(value);
      if (set === undefined) {
        set = new PolicySet(this.candidates.length * BITS);
        map.set(value, set);
      }
      set.add(policy);
    }
  }

  /** Fills `candidates`. */
  look(subject: RbacSubject): void {
    const { paths } = subject;
    // What can be read in two ways is asked of everybody.
    if (!paths.single) {
      this.candidates.set(this.#all.words);
      return;
    }
    this.candidates.set(this.#always.words);
    if (this.#byPath.size > 0) this.#take(this.#byPath.get(paths.path));
    if (this.#byPeer.size > 0 && subject.peer !== undefined) this.#takePeer(subject);
  }

  #takePeer({ peer }: RbacSubject): void {
    if (peer === undefined) return;
    const { dns, uri } = peer.names;
    for (let i = 0; i < uri.length; i++) this.#take(this.#byPeer.get(uri[i] as string));
    for (let i = 0; i < dns.length; i++) this.#take(this.#byPeer.get(dns[i] as string));
    this.#take(this.#byPeer.get(peer.subject));
  }

  #take(set: PolicySet | undefined): void {
    if (set === undefined) return;
    const { candidates } = this;
    for (let i = 0; i < candidates.length; i++) {
      candidates[i] = (candidates[i] as number) | (set.words[i] as number);
    }
  }
}
