import type { Principal, ValueMatch } from "../../../../model/filter/rbac.ts";
import type { StringMatch } from "../../../../model/route.ts";
import { ANY_TEXT, exactly, textMatch } from "./text-match.ts";

/** Where a checked token's claims are: `jwt_authn` puts them into the dynamic metadata. */
const FILTER = "envoy.filters.http.jwt_authn";
const PAYLOAD = "payload";

/** A claim that is one of the texts, or a list with one of them in it. */
export function claimMatch(claim: readonly string[], values: readonly string[]): Principal {
  const texts = values.map((value) => stringValue(textMatch(value)));
  const [only] = texts;
  const value: ValueMatch =
    only !== undefined && texts.length === 1 ? only : { kind: "or", of: texts };
  return metadata(claim, { kind: "or", of: [{ kind: "list", oneOf: value }, value] });
}

/**
 * `issuer/subject`. The last slash parts them, as issuers are mostly URLs; a star stands at one end
 * of the whole, as Istio has it.
 */
export function requestPrincipalMatch(principal: string): Principal {
  const [issuer, subject] = issuerAndSubject(principal);
  return {
    kind: "and",
    of: [metadata(["iss"], stringValue(issuer)), metadata(["sub"], stringValue(subject))],
  };
}

function issuerAndSubject(principal: string): readonly [StringMatch, StringMatch] {
  const slash = principal.lastIndexOf("/");
  const parted = slash >= 0;
  const issuer = parted ? principal.slice(0, slash) : principal;
  const subject = parted ? principal.slice(slash + 1) : "";
  if (principal === "*") return [ANY_TEXT, ANY_TEXT];
  if (principal.startsWith("*")) {
    return parted ? [textMatch(issuer), exactly(subject)] : [ANY_TEXT, textMatch(principal)];
  }
  if (principal.endsWith("*")) {
    return parted ? [exactly(issuer), textMatch(subject)] : [textMatch(principal), ANY_TEXT];
  }
  return [exactly(issuer), exactly(subject)];
}

function stringValue(match: StringMatch): ValueMatch {
  return { kind: "string", match };
}

function metadata(claim: readonly string[], value: ValueMatch): Principal {
  const match = { filter: FILTER, path: [PAYLOAD, ...claim], value, invert: false };
  return { kind: "metadata", match };
}
