import type { Principal } from "../../../../model/filter/rbac.ts";
import type { StringMatch } from "../../../../model/route.ts";
import { ANY_TEXT, exactly, literal, regexMatch, starred } from "./text-match.ts";
import { domainAliases, underAliases } from "./trust-domains.ts";

/** Who a certificate says that a client is (`spiffe://TD/ns/NAMESPACE/sa/NAME`), as Istio asks. */

const SCHEME = "spiffe://";

/** `cluster.local/ns/default/sa/web`, `*`, `*suffix`, `prefix*`. */
export function principalMatch(principal: string): StringMatch {
  if (principal === "*") return ANY_TEXT;
  if (principal.startsWith("*")) return regexMatch(`${SCHEME}.*${literal(principal.slice(1))}`);
  if (principal.endsWith("*")) {
    return { kind: "prefix", value: `${SCHEME}${principal.slice(0, -1)}`, ignoreCase: false };
  }
  return exactly(`${SCHEME}${principal}`);
}

/** Of any trust domain. */
export function namespaceMatch(namespace: string): StringMatch {
  return regexMatch(`.*/ns/${starred(namespace, ".*")}/.*`);
}

/** `namespace/name`, of any trust domain; neither holds wildcards, and a dot is a dot. */
export function serviceAccountMatch(account: string): StringMatch {
  const [namespace = "", name = ""] = account.split("/");
  return regexMatch(`${SCHEME}.+/ns/${literal(namespace)}/(.+/|)sa/${literal(name)}(/.+)?`);
}

export function trustDomainMatch(domain: string): StringMatch {
  if (!domain.includes("*")) {
    return { kind: "prefix", value: `${SCHEME}${domain}/`, ignoreCase: false };
  }
  return regexMatch(`${SCHEME}${starred(domain, "[^/]*")}/.*`);
}

/** The fields of a rule that ask for an identity, each with what it makes of a value. */
export interface IdentityField {
  readonly match: (value: string) => StringMatch;
  /** Other values that mean the same. */
  readonly spread: (value: string, trustDomains: readonly string[]) => readonly string[];
}

const ITSELF = (value: string): readonly string[] => [value];

export const PRINCIPAL: IdentityField = { match: principalMatch, spread: underAliases };
export const NAMESPACE: IdentityField = { match: namespaceMatch, spread: ITSELF };
export const SERVICE_ACCOUNT: IdentityField = { match: serviceAccountMatch, spread: ITSELF };
export const TRUST_DOMAIN: IdentityField = { match: trustDomainMatch, spread: domainAliases };

export function authenticated(name: StringMatch): Principal {
  return { kind: "authenticated", name };
}

/** Whoever has proved to be somebody. */
export const SOMEBODY: Principal = authenticated(ANY_TEXT);
