import type { CidrRange } from "../listener.ts";
import type { HeaderMatch, StringMatch } from "../route.ts";

/** Envoy: config.rbac.v3.RBAC.Action. `log` lets everything pass and says what matched. */
export type RbacAction = "allow" | "deny" | "log";

/** A value in metadata (Envoy: type.matcher.v3.ValueMatcher). */
export type ValueMatch =
  | { readonly kind: "null" }
  | { readonly kind: "number"; readonly value: number }
  /** `end` is not in it. */
  | { readonly kind: "range"; readonly start: number; readonly end: number }
  | { readonly kind: "string"; readonly match: StringMatch }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "present"; readonly present: boolean }
  | { readonly kind: "list"; readonly oneOf: ValueMatch }
  | { readonly kind: "or"; readonly of: readonly ValueMatch[] };

/** Envoy: type.matcher.v3.MetadataMatcher, of the request's dynamic metadata. */
export interface MetadataMatch {
  /** The filter that has put it there, as `envoy.filters.http.jwt_authn`. */
  readonly filter: string;
  readonly path: readonly string[];
  readonly value: ValueMatch;
  readonly invert: boolean;
}

/** Envoy: config.rbac.v3.Permission: what is asked for. */
export type Permission =
  | { readonly kind: "any" }
  | { readonly kind: "and" | "or"; readonly of: readonly Permission[] }
  | { readonly kind: "not"; readonly of: Permission }
  | { readonly kind: "header"; readonly match: HeaderMatch }
  /** The path without its query. */
  | { readonly kind: "urlPath"; readonly match: StringMatch }
  /** Envoy: path.match.uri_template; `*` is a segment, `**` any rest (`/v1/**`). */
  | { readonly kind: "uriTemplate"; readonly template: string }
  | { readonly kind: "destinationIp"; readonly range: CidrRange }
  | { readonly kind: "destinationPort"; readonly port: number }
  /** `end` is not in it. */
  | { readonly kind: "destinationPortRange"; readonly start: number; readonly end: number }
  | { readonly kind: "requestedServerName"; readonly match: StringMatch }
  | { readonly kind: "metadata"; readonly match: MetadataMatch };

/** Envoy: config.rbac.v3.Principal: who asks. */
export type Principal =
  | { readonly kind: "any" }
  | { readonly kind: "and" | "or"; readonly of: readonly Principal[] }
  | { readonly kind: "not"; readonly of: Principal }
  /**
   * A verified client certificate; with a name, one whose URI SAN (else DNS SAN, else subject)
   * matches.
   */
  | { readonly kind: "authenticated"; readonly name: StringMatch | undefined }
  /** The connection's other end, whatever it says of others. */
  | { readonly kind: "directRemoteIp"; readonly range: CidrRange }
  /** Likewise, but by its PROXY protocol header, where that is believed (deprecated in Envoy). */
  | { readonly kind: "sourceIp"; readonly range: CidrRange }
  /** The client, by `x-forwarded-for` or PROXY protocol where those are believed. */
  | { readonly kind: "remoteIp"; readonly range: CidrRange }
  | { readonly kind: "header"; readonly match: HeaderMatch }
  | { readonly kind: "urlPath"; readonly match: StringMatch }
  | { readonly kind: "metadata"; readonly match: MetadataMatch };

/** Matches where one of the permissions and one of the principals do. */
export interface RbacPolicy {
  /** `ns[default]-policy[reviews]-rule[0]`, as Istio names them. */
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly principals: readonly Principal[];
}

export interface RbacRules {
  readonly action: RbacAction;
  /** In the order of their names: the first that matches is the one that is told. */
  readonly policies: readonly RbacPolicy[];
}

/** Envoy: filters.{http,network}.rbac.v3.RBAC. Undefined rules: everything passes. */
export interface Rbac {
  readonly rules: RbacRules | undefined;
  /** Judged, counted and told, but not enforced. */
  readonly shadowRules: RbacRules | undefined;
  /** Stands before `allowed`, `denied` in the statistics' names; empty for none. */
  readonly rulesStatPrefix: string;
  readonly shadowRulesStatPrefix: string;
  /** Envoy: `track_per_rule_stats`: each policy is counted by its name. */
  readonly trackPerRuleStats: boolean;
}

/** Envoy: RBACPerRoute, what a route says to the filters of one name. */
export interface RbacOverride {
  /** The name that the filter has in its chain, as `envoy.filters.http.rbac`. */
  readonly filter: string;
  /** In the place of the filter's own; without rules, everything passes there. */
  readonly rbac: Rbac;
}

/** Of TCP connections; `statPrefix` stands before everything. */
export interface NetworkRbac extends Rbac {
  readonly statPrefix: string;
}
