import { ROUTING_FIELDS } from "../../../base/grammar/field-name.ts";
import type { TokenKeys, TokenRule } from "../../../model/policy/request-authentication.ts";
import type { Spec } from "../spec.ts";

/** Istio's default for fetching keys. */
const TIMEOUT_MS = 5000;

/** Istio: ValidateStrictHTTPHeaderName. */
const HEADER_NAME = /^[-_A-Za-z0-9]+$/;

/** One of `jwtRules`. */
export function readTokenRule(rule: Spec): TokenRule {
  refuseEmpty(rule.at("audiences"), "audience must be non-empty string");
  refuseEmpty(rule.at("fromParams"), "location query must be non-empty string");
  refuseEmpty(rule.at("fromCookies"), "cookie name must be non-empty string");
  for (const location of rule.at("fromHeaders").items()) {
    const name = location.at("name");
    if (name.text() === "") name.refuse("location header name must be non-empty string");
    else if (!HEADER_NAME.test(name.text() ?? "a")) name.refuse("is no header's name");
  }
  const output = rule.at("outputPayloadToHeader");
  if (output.present) checkWritten(output);
  return {
    issuer: rule.at("issuer").text() ?? "",
    audiences: rule.at("audiences").texts(),
    keys: readKeys(rule),
    fromHeaders: rule
      .at("fromHeaders")
      .items()
      .map((location) => ({
        name: (location.at("name").text() ?? "").toLowerCase(),
        prefix: location.at("prefix").text() ?? "",
      })),
    fromParams: rule.at("fromParams").texts(),
    fromCookies: rule.at("fromCookies").texts(),
    forwardOriginalToken: rule.at("forwardOriginalToken").flag() ?? false,
    outputPayloadToHeader: (output.text() ?? "").toLowerCase(),
    outputClaimToHeaders: rule.at("outputClaimToHeaders").items().map(readOutput),
    spaceDelimitedClaims: rule.at("spaceDelimitedClaims").texts(),
    timeoutMs: rule.at("timeout").durationMs() ?? TIMEOUT_MS,
    origin: rule.origin(),
  };
}

/** Keys in the rule come first, then the URL, then what the issuer says about itself. */
function readKeys(rule: Spec): TokenKeys {
  const [jwks, jwksUri] = [rule.at("jwks"), rule.at("jwksUri")];
  const [text, url] = [jwks.text() ?? "", jwksUri.text() ?? ""];
  const issuer = rule.at("issuer").text() ?? "";
  if (issuer === "" && url === "") {
    rule.refuse("issuer or jwksUri must be non-empty string");
  }
  if (text !== "") jwks.refuse(jwksError(text), '{"keys":[…]}');
  if (url !== "") jwksUri.refuse(urlError(url), "http://host/path, https://host/path");
  if (text !== "") return { kind: "inline", text };
  if (url !== "") return { kind: "url", url };
  if (issuer !== "" && urlError(issuer) !== undefined) {
    rule
      .at("issuer")
      .doubt(
        "its keys cannot be found: it is no URL, and there is neither jwks nor jwksUri",
        "every token is refused until there is one",
      );
  }
  return { kind: "discovery", issuer };
}

function jwksError(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isSet = typeof value === "object" && value !== null && "keys" in value;
    return isSet && Array.isArray(value.keys) ? undefined : "jwks parse error: it has no keys";
  } catch (error) {
    return `jwks parse error: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Istio: security.ParseJwksURI. */
function urlError(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return `invalid jwks_uri: ${text} is no URL`;
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return `URI scheme "${url.protocol.slice(0, -1)}" is not supported`;
  }
  return url.username + url.password === "" ? undefined : "a URL with credentials is not fetched";
}

function readOutput(output: Spec): { readonly header: string; readonly claim: string } {
  const [header, claim] = [output.at("header"), output.at("claim")];
  if (header.text() === "" || claim.text() === "") {
    output.refuse("outputClaimToHeaders header and claim value must be non-empty string");
  } else if (header.present) {
    checkWritten(header);
  }
  return { header: (header.text() ?? "").toLowerCase(), claim: claim.text() ?? "" };
}

function checkWritten(header: Spec): void {
  const name = header.text() ?? "";
  if (!HEADER_NAME.test(name)) header.refuse(`header name ${name} is not a valid header name`);
  if (ROUTING_FIELDS.has(name.toLowerCase())) header.refuse(`header ${name} may not be set`);
}

function refuseEmpty(list: Spec, message: string): void {
  for (const item of list.items()) if (item.text() === "") item.refuse(message);
}
