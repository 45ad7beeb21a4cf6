import type { ScopedMatch } from "../../model/http-route-set.ts";

const ALTERNATIVES = /^\^?\(?(?:\?:)?([A-Z]+(?:\|[A-Z]+)*)\)?\$?$/;

/** The methods that a match asks for: one, or alternatives of an expression; undefined: any. */
export function methodsOf({ request }: ScopedMatch): readonly string[] | undefined {
  for (const { invert, name, value } of request.headers) {
    if (name !== ":method" || invert) continue;
    if (value?.kind === "exact") return [value.value];
    // Envoy's expressions have to match as a whole.
    const listed = value?.kind === "regex" ? ALTERNATIVES.exec(value.value)?.[1] : undefined;
    if (listed !== undefined) return listed.split("|");
  }
  return undefined;
}
