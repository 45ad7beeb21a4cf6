import type { PathMatch, RegexRewrite } from "../../model/route.ts";

/** A path modifier as it is written (HTTPPathModifier). */
export type PathModifier =
  | { readonly kind: "full"; readonly value: string }
  | { readonly kind: "prefix"; readonly value: string };

/** In Envoy's words: at most one of the two is set. */
export interface PathRewrite {
  readonly prefixRewrite: string | undefined;
  readonly regexRewrite: RegexRewrite | undefined;
}

export const NO_REWRITE: PathRewrite = { prefixRewrite: undefined, regexRewrite: undefined };

/**
 * The rewrite for requests that this path matched. The specification's table, with `/foo` matched:
 * `/xyz` and `/xyz/` make `/foo/bar` `/xyz/bar`, `/foo` `/xyz`, `/foo/` `/xyz/`; an empty
 * replacement or `/` makes `/foo/bar` `/bar`, `/foo` and `/foo/` `/`.
 */
export function pathRewrite(modifier: PathModifier, path: PathMatch): PathRewrite {
  if (modifier.kind === "full") return byRegex("/.*", modifier.value);
  const replacement = modifier.value.replace(/\/$/, "");
  // Everything was matched by `/`, which is therefore part of what is replaced.
  if (path.value === "/") return { ...NO_REWRITE, prefixRewrite: `${replacement}/` };
  if (replacement !== "") return { ...NO_REWRITE, prefixRewrite: replacement };
  return byRegex(`^${quoted(path.value)}/?`, "/");
}

function byRegex(pattern: string, replacement: string): PathRewrite {
  const substitution = replacement.replaceAll("\\", "\\\\");
  return { ...NO_REWRITE, regexRewrite: { pattern, substitution } };
}

/** RE2's QuoteMeta. */
function quoted(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
