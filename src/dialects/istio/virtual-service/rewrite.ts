import type { RegexRewrite } from "../../../model/route.ts";
import type { Spec } from "../spec.ts";
import { regexError } from "../text-rules.ts";
import { authoritiesIn } from "./headers.ts";

export interface Rewrite {
  readonly prefixRewrite: string | undefined;
  readonly regexRewrite: RegexRewrite | undefined;
  /** Empty: none. */
  readonly authority: string;
}

/** HTTPRewrite. With a prefix match `uri` replaces the prefix, with an exact match the path. */
export function readRewrite(rewrite: Spec): Rewrite {
  const uri = rewrite.at("uri").text() ?? "";
  const regex = rewrite.at("uriRegexRewrite");
  const authority = rewrite.at("authority").text() ?? "";
  if (uri !== "" && regex.present) {
    rewrite.refuse("rewrite may only contain one of URI or UriRegexRewrite");
  }
  if (rewrite.present && uri === "" && !regex.present && authority === "") {
    rewrite.refuse("rewrite must specify at least one of URI, UriRegexRewrite, or authority");
  }
  const regexRewrite = readRegexRewrite(regex);
  const prefixRewrite = uri === "" || regexRewrite !== undefined ? undefined : uri;
  return { prefixRewrite, regexRewrite, authority };
}

function readRegexRewrite(regex: Spec): RegexRewrite | undefined {
  if (!regex.present) return undefined;
  const pattern = regex.at("match").text() ?? "";
  const substitution = regex.at("rewrite").text() ?? "";
  if (pattern === "" || substitution === "") {
    regex.refuse("UriRegexRewrite requires both Rewrite and Match fields to be specified");
  } else {
    regex.at("match").refuse(regexError(pattern, "HTTPRewrite.UriRegexRewrite.Match"));
  }
  return { pattern, substitution };
}

/** The host may be rewritten in one place of a rule only. */
export function checkAuthority(rule: Spec): void {
  const places = [
    rule.at("rewrite").at("authority"),
    ...authoritiesIn(rule.at("headers").at("request")),
  ];
  let current = "";
  for (const place of places) {
    const value = place.text() ?? "";
    if (value === "") continue;
    if (current !== "") {
      place.refuse(
        `authority header cannot be set multiple times: have "${current}", ` +
          `attempting to set "${value}"`,
      );
    }
    current = value;
  }
}
