import type { Rbac, RbacOverride } from "../../../model/filter/rbac.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import type { MetadataFields } from "../dynamic-metadata.ts";
import { CompiledRules, NO_POLICY } from "./compiled-rules.ts";

/** Under which filters say what they decided (Envoy's names, whatever the filter's own is). */
export const HTTP_METADATA = "envoy.filters.http.rbac";
export const NETWORK_METADATA = "envoy.filters.network.rbac";
/** What access logs may go by. */
export const COMMON_METADATA = "envoy.common";
export const LOGGED: MetadataFields = { access_log_hint: true };
export const NOT_LOGGED: MetadataFields = { access_log_hint: false };

const WHITESPACE = /\s/g;

/** Rules with what is said of their decisions, made once for each. */
export class JudgedRules {
  readonly rules: CompiledRules;
  /** By policy, the last for none of them. */
  readonly #said: readonly MetadataFields[];

  /** `kind` stands in the names of the fields: `shadow_engine_result`. */
  constructor(rules: CompiledRules, kind: "shadow" | "enforced", prefix: string) {
    this.rules = rules;
    const none = { [`${prefix}${kind}_engine_result`]: this.#resultOf(NO_POLICY) };
    const ofPolicies = this.rules.names.map((name, policy) => ({
      [`${prefix}${kind}_effective_policy_id`]: name,
      [`${prefix}${kind}_engine_result`]: this.#resultOf(policy),
    }));
    this.#said = [...ofPolicies, none];
  }

  #resultOf(matched: number): string {
    return this.rules.allows(matched) ? "allowed" : "denied";
  }

  /** What is said where that policy has matched, or none. */
  said(matched: number): MetadataFields {
    const at = matched === NO_POLICY ? this.#said.length - 1 : matched;
    return this.#said[at] as MetadataFields;
  }
}

/** What a filter, or a route in its place, has to ask. */
export class RbacEngines {
  readonly config: Rbac;
  readonly rules: CompiledRules | undefined;
  readonly shadowRules: CompiledRules | undefined;

  /** Throws where a regex, an address or a template is none. */
  constructor(config: Rbac) {
    this.config = config;
    this.rules = config.rules && new CompiledRules(config.rules);
    this.shadowRules = config.shadowRules && new CompiledRules(config.shadowRules);
  }
}

/** An RBAC filter's rules, or a route's in their place, as that filter tells of them. */
export class CompiledRbac {
  readonly enforced: JudgedRules | undefined;
  readonly shadow: JudgedRules | undefined;
  readonly tracksPolicies: boolean;
  /** Of HTTP requests, by policy, the last for none of them. */
  readonly #denials: readonly LocalReply[];
  /** Envoy's words for a denial, likewise. */
  readonly #details: readonly string[];

  /** `own`: the filter's, whose prefixes stand where a route gives none. */
  constructor({ config, rules, shadowRules }: RbacEngines, own: Rbac = config) {
    const prefix = config.rulesStatPrefix || own.rulesStatPrefix;
    const shadowPrefix = config.shadowRulesStatPrefix || own.shadowRulesStatPrefix;
    this.enforced = rules && new JudgedRules(rules, "enforced", prefix);
    this.shadow = shadowRules && new JudgedRules(shadowRules, "shadow", shadowPrefix);
    this.tracksPolicies = config.trackPerRuleStats;
    const names = [...(this.enforced?.rules.names ?? []), "none"];
    this.#details = names.map(
      (name) => `rbac_access_denied_matched_policy[${name.replaceAll(WHITESPACE, "_")}]`,
    );
    this.#denials = this.#details.map((details) => ({
      status: 403,
      body: "RBAC: access denied",
      flag: 0,
      details,
      clusterStatus: 0,
    }));
  }

  denial(matched: number): LocalReply {
    return this.#denials[this.#at(matched)] as LocalReply;
  }

  denialDetails(matched: number): string {
    return this.#details[this.#at(matched)] as string;
  }

  #at(matched: number): number {
    return matched === NO_POLICY ? this.#details.length - 1 : matched;
  }
}

/** What routes say to filters in their place, by the filters' names. */
export type RouteRbac = ReadonlyMap<string, RbacEngines>;

/**
 * `levels`: from the route outwards; the nearest that speaks of a filter decides alone. Undefined:
 * none says anything. Throws as `RbacEngines`.
 */
export function routeRbacOf(
  levels: readonly { readonly rbac?: readonly RbacOverride[] }[],
): RouteRbac | undefined {
  const said = new Map<string, RbacEngines>();
  for (const { rbac: overrides = [] } of levels) {
    for (const { filter, rbac } of overrides) {
      if (!said.has(filter)) said.set(filter, enginesOf(rbac));
    }
  }
  return said.size === 0 ? undefined : said;
}

/** A level is shared by many routes. */
const known = new WeakMap<Rbac, RbacEngines>();

function enginesOf(rbac: Rbac): RbacEngines {
  let engines = known.get(rbac);
  if (engines === undefined) {
    engines = new RbacEngines(rbac);
    known.set(rbac, engines);
  }
  return engines;
}
