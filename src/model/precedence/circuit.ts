import type { HttpRule } from "../http-route-set.ts";
import type { Mesh, Service } from "../mesh.ts";
import type { Origin } from "../origin.ts";
import { CIRCUIT_LIMITS } from "../resilience/circuit-bounds.ts";
import type { CircuitPolicy, CircuitTarget } from "../resilience/circuit-policy.ts";
import { byAge } from "./host.ts";

/** A policy that stands somewhere, by that one of its targets. */
export interface HoldingCircuit {
  readonly policy: CircuitPolicy;
  readonly target: CircuitTarget;
}

/**
 * The circuits of a mesh by where they stand. A service's own policy holds before its namespace's,
 * a rule's before its whole route's; of several for one target the oldest holds alone. Where a
 * route and its cluster both have a circuit, the route's counts: that is the data plane's to do.
 */
export class CircuitIndex {
  readonly #holding: ReadonlyMap<string, HoldingCircuit>;
  /** Targets at which an older policy stands already, each with that one. */
  readonly losers: readonly (readonly [loser: HoldingCircuit, holder: HoldingCircuit])[];

  constructor(policies: readonly CircuitPolicy[]) {
    const holding = new Map<string, HoldingCircuit>();
    const losers: [HoldingCircuit, HoldingCircuit][] = [];
    for (const policy of policies.toSorted(byAge)) {
      for (const target of policy.targets) {
        const key = keyOfTarget(policy.namespace, target);
        const holder = holding.get(key);
        if (holder === undefined) holding.set(key, { policy, target });
        else if (holder.policy !== policy) losers.push([{ policy, target }, holder]);
      }
    }
    this.#holding = holding;
    this.losers = losers;
  }

  get isEmpty(): boolean {
    return this.#holding.size === 0;
  }

  /** Where policies hold. */
  get holding(): readonly HoldingCircuit[] {
    return [...this.#holding.values()];
  }

  ofService({ name, namespace, origin }: Service): HoldingCircuit | undefined {
    const own =
      origin.kind === "ServiceEntry"
        ? `ServiceEntry ${namespace}/${origin.name}`
        : `Service ${namespace}/${name}`;
    return this.#holding.get(own) ?? this.#holding.get(`Namespace ${namespace}`);
  }

  ofRule(rule: SectionedRule): HoldingCircuit | undefined {
    const route = routeKey(rule.origin);
    const named = sectionsOf(rule).map((section) => `${route} ${section}`);
    for (const key of [...named, route]) {
      const found = this.#holding.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** `HTTPRoute shop/reviews`. */
export function routeKey({ kind, namespace, name }: Origin): string {
  return `${kind} ${namespace}/${name}`;
}

type SectionedRule = Pick<HttpRule, "name" | "section" | "origin">;

/**
 * Names that mean a rule: its own. Istio's carry the name of the match behind a dot
 * (`canary.by-cookie`), so that whoever says `canary` means all of its matches.
 */
export function sectionsOf({ name, section = "" }: SectionedRule): readonly string[] {
  return [name, section].filter((each) => each !== "");
}

/**
 * What the routes of a rule, one for each of its matches, call their circuit: the rule by the name
 * that the policy says, else by its own, else by its place in the YAML.
 */
export function ruleOfCircuit(rule: SectionedRule, { target }: HoldingCircuit): string {
  const { name, origin, section = name } = rule;
  const said = "sectionName" in target ? target.sectionName : undefined;
  const called = `${routeKey(origin)} ${said ?? section}`;
  const { nameBytes } = CIRCUIT_LIMITS;
  const canTravel = PRINTABLE.test(called) && called.length <= nameBytes && section !== "";
  return canTravel ? called : `${routeKey(origin)} ${origin.path}`;
}

const PRINTABLE = /^[ -~]+$/;

function keyOfTarget(namespace: string, target: CircuitTarget): string {
  if (target.kind === "Namespace") return `Namespace ${namespace}`;
  const object = `${target.kind} ${namespace}/${target.name}`;
  const section = "sectionName" in target ? target.sectionName : undefined;
  return section === undefined ? object : `${object} ${section}`;
}

const INDICES = new WeakMap<readonly CircuitPolicy[], CircuitIndex>();
const NONE: readonly CircuitPolicy[] = [];

/** The mesh's circuits, looked up once. */
export function circuitsOf({
  circuitBreakers = NONE,
}: Pick<Mesh, "circuitBreakers">): CircuitIndex {
  const known = INDICES.get(circuitBreakers);
  if (known !== undefined) return known;
  const index = new CircuitIndex(circuitBreakers);
  INDICES.set(circuitBreakers, index);
  return index;
}
