import type { HttpRouteSet, HttpRule, ScopedMatch } from "../http-route-set.ts";
import type { HeaderMatch, PathMatch } from "../route.ts";
import { byAge } from "./host.ts";

/** One alternative of a rule, with what decides its place among all others. */
interface Candidate {
  readonly set: HttpRouteSet;
  readonly rule: HttpRule;
  readonly match: ScopedMatch;
}

/**
 * The rules of merged Gateway API routes in the order in which they are tried: exact path, then
 * the longest prefix, a method, most headers, most query parameters, the oldest route, its
 * `namespace/name`, and the first rule of the route (HTTPRouteRule.matches in the specification).
 * Each result has one match, because alternatives of one rule may have different places.
 */
export function mergeByMatch(sets: readonly HttpRouteSet[]): HttpRule[] {
  const candidates = sets.flatMap((set) =>
    set.rules.flatMap((rule) => rule.matches.map((match) => ({ set, rule, match }))),
  );
  // Sorting is stable, so that rules stay in their order where nothing else decides.
  return candidates.toSorted(compare).map(({ rule, match }) => ({ ...rule, matches: [match] }));
}

function compare(left: Candidate, right: Candidate): number {
  const [a, b] = [left.match.request, right.match.request];
  return (
    pathRank(b.path) - pathRank(a.path) ||
    pathLength(b.path) - pathLength(a.path) ||
    methods(right) - methods(left) ||
    headers(right) - headers(left) ||
    b.queryParameters.length - a.queryParameters.length ||
    byAge(left.set, right.set)
  );
}

/** Where regular expressions stand is left to implementations; here before prefixes. */
function pathRank(path: PathMatch): number {
  if (path.kind === "exact") return 2;
  return path.kind === "regex" ? 1 : 0;
}

function pathLength(path: PathMatch): number {
  return path.value.length;
}

/** HTTP's in `:method`; gRPC's, where no service is named, in how `:path` ends. */
function methods({ match }: Candidate): number {
  return match.request.headers.some(namesMethod) ? 1 : 0;
}

function headers({ match }: Candidate): number {
  return match.request.headers.filter((header) => !namesMethod(header)).length;
}

function namesMethod({ name }: HeaderMatch): boolean {
  return name === ":method" || name === ":path";
}
