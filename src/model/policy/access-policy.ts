import type { Labels } from "../mesh.ts";
import type { Origin } from "../origin.ts";

/**
 * What one object of any dialect says about who may do what, in Istio's words (AuthorizationPolicy,
 * security.istio.io/v1). Policies of one dialect stand together, each dialect is asked on its own,
 * and every one has to let a request through.
 */
export interface AccessPolicy {
  readonly dialect: "istio" | "linkerd" | "smi";
  /**
   * Istio's order: custom refusals, then deny, then allow: with any allow policy in scope, one of
   * them has to match.
   */
  readonly action: "allow" | "deny" | "audit" | "custom";
  readonly scope: PolicyScope;
  /** One of them has to match; with none, nothing does (an allow policy then denies all). */
  readonly rules: readonly AccessRule[];
  /** Judged, logged and counted, never enforced (Istio: `istio.io/dry-run`). */
  readonly dryRun: boolean;
  /** CUSTOM: the extension provider's name; else empty. */
  readonly provider: string;
  readonly origin: Origin;
}

/** The pods and ports that a policy is about; whatever is undefined does not narrow it. */
export interface PolicyScope {
  readonly namespace: string | undefined;
  readonly labels: Labels;
  readonly serviceAccount?: string | undefined;
  /** Pods behind this service (host FQDN): Istio's `targetRefs`. */
  readonly service?: string | undefined;
  /** Container ports, by number, or by the names that containers give them. */
  readonly ports?: readonly number[] | undefined;
  readonly portNames?: readonly string[] | undefined;
}

/** All of `from` (one of them), `to` (one of them) and `when` (every one); empty lists match. */
export interface AccessRule {
  readonly from: readonly SourceMatch[];
  readonly to: readonly OperationMatch[];
  readonly when: readonly Condition[];
  readonly origin: Origin;
}

/**
 * Istio's strings: exact, `abc*`, `*abc`, `*` for any that is there. An empty list does not narrow;
 * of several fields all have to match.
 */
export interface SourceMatch {
  /** `cluster.local/ns/default/sa/reviews`, without `spiffe://`. */
  readonly principals: readonly string[];
  readonly notPrincipals: readonly string[];
  /** `issuer/subject` of a JWT. */
  readonly requestPrincipals: readonly string[];
  readonly notRequestPrincipals: readonly string[];
  readonly namespaces: readonly string[];
  readonly notNamespaces: readonly string[];
  /** `namespace/name`, exact. */
  readonly serviceAccounts: readonly string[];
  readonly notServiceAccounts: readonly string[];
  readonly trustDomains: readonly string[];
  readonly notTrustDomains: readonly string[];
  /** Addresses and CIDR blocks, of the connection's other end. */
  readonly ipBlocks: readonly string[];
  readonly notIpBlocks: readonly string[];
  /** Of the client by `x-forwarded-for`. */
  readonly remoteIpBlocks: readonly string[];
  readonly notRemoteIpBlocks: readonly string[];
}

export interface OperationMatch {
  readonly hosts: readonly string[];
  readonly notHosts: readonly string[];
  readonly ports: readonly number[];
  readonly notPorts: readonly number[];
  readonly methods: readonly string[];
  readonly notMethods: readonly string[];
  /** Also templates, as `/a/{*}/b` and `/a/{**}`. */
  readonly paths: readonly string[];
  readonly notPaths: readonly string[];
  /** Regular expressions (RE2) of whole paths: SMI's and ServiceProfiles' way. */
  readonly pathRegexes?: readonly string[];
  /** Headers that all have to match, by regular expression: SMI's HTTPRouteGroup. */
  readonly headerRegexes?: readonly { readonly name: string; readonly regex: string }[];
}

/** Istio: `when`: `request.headers[x]`, `source.ip`, `request.auth.claims[iss]`, … */
export interface Condition {
  readonly key: string;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

export const ANY_SOURCE: SourceMatch = {
  principals: [],
  notPrincipals: [],
  requestPrincipals: [],
  notRequestPrincipals: [],
  namespaces: [],
  notNamespaces: [],
  serviceAccounts: [],
  notServiceAccounts: [],
  trustDomains: [],
  notTrustDomains: [],
  ipBlocks: [],
  notIpBlocks: [],
  remoteIpBlocks: [],
  notRemoteIpBlocks: [],
};

export const ANY_OPERATION: OperationMatch = {
  hosts: [],
  notHosts: [],
  ports: [],
  notPorts: [],
  methods: [],
  notMethods: [],
  paths: [],
  notPaths: [],
};
