// hot path: no allocation per request
import type { PathMatch, RouteMatch } from "../../../model/route.ts";
import type { CompiledRoute } from "../compiled-route.ts";
import type { RequestHead } from "../request-head.ts";
import { NOWHERE } from "./candidates.ts";
import { literalPrefix } from "./literal-prefix.ts";
import { PathTrie } from "./path-trie.ts";

/** What every path that matches begins with, as its own case or in lower case. */
function beginning({ kind, value, caseSensitive }: PathMatch): string {
  // The prefix "/" matches `OPTIONS *` too.
  if (kind === "connect" || (kind === "prefix" && value === "/")) return "";
  if (kind === "regex") return literalPrefix(value);
  return caseSensitive ? value : value.toLowerCase();
}

/**
 * Finds the first route that matches without asking all of them: only those whose path may, and
 * whose header has the value that they want. Whether one matches its own matcher still says, so
 * the answer is that of asking them in order.
 */
export class RouteIndex {
  readonly #routes: readonly CompiledRoute[];
  readonly #byPath = new PathTrie();
  /** Of routes that do not mind the case of letters. */
  #byLowerPath: PathTrie | undefined;

  /** `matches` are those of the routes, in the same order. */
  constructor(routes: readonly CompiledRoute[], matches: readonly RouteMatch[]) {
    this.#routes = routes;
    for (const [position, match] of matches.entries()) {
      if (!match.path.caseSensitive) this.#byLowerPath ??= new PathTrie();
      const trie = match.path.caseSensitive ? this.#byPath : this.#byLowerPath;
      trie?.at(beginning(match.path)).add(position, match);
    }
  }

  find(request: RequestHead): CompiledRoute | undefined {
    const routes = this.#routes;
    let best = this.#byPath.first(request.path, routes, request, NOWHERE);
    if (this.#byLowerPath !== undefined) {
      best = this.#byLowerPath.first(request.path.toLowerCase(), routes, request, best);
    }
    return best === NOWHERE ? undefined : routes[best];
  }
}
