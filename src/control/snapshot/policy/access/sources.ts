import { parseIp } from "../../../../base/ip-address.ts";
import type { Principal } from "../../../../model/filter/rbac.ts";
import type { CidrRange } from "../../../../model/listener.ts";
import type { SourceMatch } from "../../../../model/policy/access-policy.ts";
import { requestPrincipalMatch } from "./claims.ts";
import { type Clause, clause } from "./clause.ts";
import {
  authenticated,
  type IdentityField,
  NAMESPACE,
  PRINCIPAL,
  SERVICE_ACCOUNT,
  SOMEBODY,
  TRUST_DOMAIN,
} from "./identities.ts";

/** How a rule is read: what it leads to, and which names the mesh's trust domain has. */
export interface Reading {
  /** The rule leads to a refusal, or to a log entry: it may match more, never less. */
  readonly widens: boolean;
  readonly trustDomains: readonly string[];
}

/** What a `from` asks for. */
export function sourceClauses(source: SourceMatch, reading: Reading): readonly Clause<Principal>[] {
  const { serviceAccounts, notServiceAccounts, trustDomains, notTrustDomains } = source;
  return [
    identityClause("principals", PRINCIPAL, source.principals, source.notPrincipals, reading),
    requestPrincipalClause(
      "requestPrincipals",
      source.requestPrincipals,
      source.notRequestPrincipals,
    ),
    identityClause("namespaces", NAMESPACE, source.namespaces, source.notNamespaces, reading),
    identityClause(
      "serviceAccounts",
      SERVICE_ACCOUNT,
      serviceAccounts,
      notServiceAccounts,
      reading,
    ),
    identityClause("trustDomains", TRUST_DOMAIN, trustDomains, notTrustDomains, reading),
    remoteIpClause("remoteIpBlocks", source.remoteIpBlocks, source.notRemoteIpBlocks),
    directIpClause("ipBlocks", source.ipBlocks, source.notIpBlocks),
  ];
}

/**
 * Who is let in for not being somebody has to be somebody: an ALLOW rule with `notPrincipals` does
 * not match clients without identity, where Istio's does. With `*` among them it asks for just
 * those clients, and has them.
 */
export function identityClause(
  field: string,
  identity: IdentityField,
  values: readonly string[],
  notValues: readonly string[],
  { widens, trustDomains }: Reading,
): Clause<Principal> {
  const spread = (texts: readonly string[]): readonly string[] =>
    texts.flatMap((text) => identity.spread(text, trustDomains));
  const made = clause<Principal, string>(
    { field, httpOnly: false },
    spread(values),
    spread(notValues),
    (value) => authenticated(identity.match(value)),
  );
  const isOpen = values.length === 0 && notValues.length > 0 && !notValues.includes("*");
  return isOpen && !widens ? { ...made, beside: SOMEBODY } : made;
}

export function requestPrincipalClause(
  field: string,
  values: readonly string[],
  notValues: readonly string[],
): Clause<Principal> {
  return clause<Principal, string>(
    { field, httpOnly: true },
    values,
    notValues,
    requestPrincipalMatch,
  );
}

export function directIpClause(
  field: string,
  values: readonly string[],
  notValues: readonly string[],
): Clause<Principal> {
  return clause<Principal, string>({ field, httpOnly: false }, values, notValues, (text) => ({
    kind: "directRemoteIp",
    range: rangeOf(text),
  }));
}

export function remoteIpClause(
  field: string,
  values: readonly string[],
  notValues: readonly string[],
): Clause<Principal> {
  return clause<Principal, string>({ field, httpOnly: false }, values, notValues, (text) => ({
    kind: "remoteIp",
    range: rangeOf(text),
  }));
}

/** Dialects have refused what is no address; a range without bits is the one address. */
export function rangeOf(text: string): CidrRange {
  const [address = "", bits] = text.split("/");
  const whole = 8 * (parseIp(address)?.length ?? 4);
  return { address, prefixLength: bits === undefined ? whole : Number(bits) };
}
