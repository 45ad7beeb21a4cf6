import type { StringMatch } from "../../model/route.ts";
import type { Spec } from "./spec.ts";
import { regexError } from "./text-rules.ts";

const KINDS = ["exact", "prefix", "regex"] as const;

/**
 * Istio's StringMatch; undefined asks for presence alone: an empty match, or the regex `*`,
 * which is none (istio/istio#20629). `where` is the field's name as Istio's messages have it.
 */
export function readStringMatch(
  node: Spec,
  where: string,
  rules: { readonly emptyPrefix: boolean } = { emptyPrefix: true },
): StringMatch | undefined {
  const set = KINDS.filter((kind) => node.at(kind).present);
  if (set.length > 1) node.refuse(`only one of ${set.join(", ")} can be set`, KINDS.join(" | "));
  const kind = set[0];
  const value = kind === undefined ? undefined : node.at(kind).text();
  if (kind === undefined || value === undefined) return undefined;
  if (kind === "regex") {
    node.at(kind).refuse(regexError(value, where));
    if (value === "*") return undefined;
  }
  if (kind === "prefix" && value === "" && !rules.emptyPrefix) {
    node.at(kind).refuse(`"${where}": prefix string match should not be empty`);
  }
  return { kind, value, ignoreCase: false };
}
