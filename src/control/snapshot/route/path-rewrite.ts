import type { PathMatch, RegexRewrite } from "../../../model/route.ts";

/** How Envoy is told to change a path; both undefined leaves it. */
export interface PathRewrite {
  readonly prefixRewrite: string | undefined;
  readonly regexRewrite: RegexRewrite | undefined;
}

/**
 * Envoy replaces the characters that the match covered, and knows nothing of path segments. That
 * is what Istio's `rewrite.uri` means. The Gateway API replaces whole segments: under the prefix
 * `/a`, `/a/b` rewritten to `/` is `/b`, and to `/c/` is `/c/b`; under the prefix `/`, `/b`
 * rewritten to `/c` is `/c/b`. Where Envoy's cut would double or swallow a slash, a regex says
 * the same as the Gateway API does (GEP-726).
 */
export function pathRewrite(
  match: PathMatch,
  wanted: PathRewrite,
  bySegments: boolean,
): PathRewrite {
  const { prefixRewrite, regexRewrite } = wanted;
  if (prefixRewrite === undefined || !bySegments) return { prefixRewrite, regexRewrite };
  const replacement = withoutClosingSlash(prefixRewrite);
  const prefix = withoutClosingSlash(match.value);
  if (replacement !== "" && prefix !== "") return { prefixRewrite: replacement, regexRewrite };
  return { prefixRewrite: undefined, regexRewrite: replaceSegments(prefix, replacement) };
}

/** `/a`, `/a/` and `/a/b` each as the replacement followed by `/` and what was left. */
function replaceSegments(prefix: string, replacement: string): RegexRewrite {
  return {
    pattern: `^${escapeRegex(prefix)}/*`,
    substitution: `${replacement.replaceAll("\\", "\\\\")}/`,
  };
}

function withoutClosingSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
