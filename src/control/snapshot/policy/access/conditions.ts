import type { Permission, Principal, ValueMatch } from "../../../../model/filter/rbac.ts";
import type { Condition } from "../../../../model/policy/access-policy.ts";
import { claimMatch } from "./claims.ts";
import { type Clause, clause } from "./clause.ts";
import {
  type IdentityField,
  NAMESPACE,
  PRINCIPAL,
  SERVICE_ACCOUNT,
  TRUST_DOMAIN,
} from "./identities.ts";
import { headerMatch, portClause } from "./operations.ts";
import {
  directIpClause,
  identityClause,
  type Reading,
  rangeOf,
  remoteIpClause,
  requestPrincipalClause,
} from "./sources.ts";
import { textMatch } from "./text-match.ts";

/** A `when` speaks of who asks, or of what is asked for. */
export interface ConditionClauses {
  readonly principals: readonly Clause<Principal>[];
  readonly permissions: readonly Clause<Permission>[];
}

const IDENTITIES: Readonly<Partial<Record<string, IdentityField>>> = {
  "source.principal": PRINCIPAL,
  "source.namespace": NAMESPACE,
  "source.serviceAccount": SERVICE_ACCOUNT,
  "source.trustDomain": TRUST_DOMAIN,
};

/** Claims of a token that have names of their own. */
const CLAIMS: Readonly<Partial<Record<string, readonly string[]>>> = {
  "request.auth.audiences": ["aud"],
  "request.auth.presenter": ["azp"],
};

const FILTERS = "experimental.";

export function conditionClauses(when: readonly Condition[], reading: Reading): ConditionClauses {
  const made = when.map((condition) => ({
    permission: permissionClause(condition),
    condition,
  }));
  return {
    permissions: made.flatMap(({ permission }) => permission ?? []),
    principals: made.flatMap(({ permission, condition }) =>
      permission === undefined ? principalClause(condition, reading) : [],
    ),
  };
}

function permissionClause({ key, values, notValues }: Condition): Clause<Permission> | undefined {
  switch (key) {
    case "destination.ip":
      return clause<Permission, string>(
        { field: key, httpOnly: false },
        values,
        notValues,
        (text) => ({
          kind: "destinationIp",
          range: rangeOf(text),
        }),
      );
    case "destination.port":
      return portClause(key, values.map(Number), notValues.map(Number));
    case "connection.sni":
      return clause<Permission, string>(
        { field: key, httpOnly: false },
        values,
        notValues,
        // A name is the same in any case, and clients' come in lower case.
        (text) => ({
          kind: "requestedServerName",
          match: textMatch(text.toLowerCase()),
        }),
      );
    default:
      return key.startsWith(FILTERS) ? filterClause(key, values, notValues) : undefined;
  }
}

/** `experimental.envoy.filters.a.b[c]`: what that filter has put into the dynamic metadata. */
function filterClause(
  key: string,
  values: readonly string[],
  notValues: readonly string[],
): Clause<Permission> {
  const [filter = "", name = ""] = key
    .slice(FILTERS.length)
    .replace(/\]$/, "")
    .split(/\[(.*)/s);
  return clause<Permission, string>({ field: key, httpOnly: false }, values, notValues, (text) => ({
    kind: "metadata",
    match: { filter, path: [name], value: filterValue(text), invert: false },
  }));
}

/** `[v]` is in a list; `v` is the value itself. */
function filterValue(text: string): ValueMatch {
  const inList = text.startsWith("[") && text.endsWith("]");
  const match = textMatch(inList ? text.replaceAll(/^[[\]]+|[[\]]+$/g, "") : text);
  const value: ValueMatch = { kind: "string", match };
  return inList ? { kind: "list", oneOf: value } : value;
}

function principalClause(condition: Condition, reading: Reading): readonly Clause<Principal>[] {
  const { key, values, notValues } = condition;
  const identity = IDENTITIES[key];
  if (identity !== undefined) return [identityClause(key, identity, values, notValues, reading)];
  switch (key) {
    case "source.ip":
      return [directIpClause(key, values, notValues)];
    case "remote.ip":
      return [remoteIpClause(key, values, notValues)];
    case "request.auth.principal":
      return [requestPrincipalClause(key, values, notValues)];
    default:
      return [CLAIMS[key] === undefined ? namedClause(condition) : claimClause(condition)];
  }
}

/** `request.headers[x]`, `request.auth.claims[a][b]`. */
function namedClause(condition: Condition): Clause<Principal> {
  const { key, values, notValues } = condition;
  if (!key.startsWith("request.headers")) return claimClause(condition);
  const [name = ""] = bracketed(key);
  return clause<Principal, string>({ field: key, httpOnly: true }, values, notValues, (text) => ({
    kind: "header",
    match: headerMatch(name, text === "*" ? undefined : textMatch(text)),
  }));
}

function claimClause({ key, values, notValues }: Condition): Clause<Principal> {
  const claim = CLAIMS[key] ?? bracketed(key);
  const lists = (texts: readonly string[]): readonly (readonly string[])[] =>
    texts.length === 0 ? [] : [texts];
  return clause<Principal, readonly string[]>(
    { field: key, httpOnly: true },
    lists(values),
    lists(notValues),
    (texts) => claimMatch(claim, texts),
  );
}

function bracketed(key: string): readonly string[] {
  return [...key.matchAll(/\[([^\]]*)\]/g)].map(([, name = ""]) => name);
}
