// hot path: no allocation per request
import type { HeaderMatch, RouteMatch } from "../../../model/route.ts";
import type { CompiledRoute } from "../compiled-route.ts";
import type { RequestHead } from "../request-head.ts";

/** Beyond every position. */
export const NOWHERE: number = Number.MAX_SAFE_INTEGER;

/** Positions of routes that want exactly a value of one header, by that value. */
interface HeaderBuckets {
  readonly name: string;
  readonly positions: Map<string, number[]>;
}

/** A header that must have exactly one value; undefined where the route asks for none such. */
function decisiveHeader(match: RouteMatch): HeaderMatch | undefined {
  for (const header of match.headers) {
    const { invert, missingAsEmpty, value } = header;
    if (value?.kind === "exact" && !value.ignoreCase && !invert && !missingAsEmpty) return header;
  }
  return undefined;
}

/** Routes among which a request may find its own, in their order, some by a header's value. */
export class Candidates {
  readonly #others: number[] = [];
  readonly #byHeader: HeaderBuckets[] = [];

  /** Positions have to come in ascending order. */
  add(position: number, match: RouteMatch): void {
    const header = decisiveHeader(match);
    if (header === undefined) {
      this.#others.push(position);
      return;
    }
    const buckets = this.#bucketsOf(header.name).positions;
    const wanted = header.value?.value ?? "";
    const positions = buckets.get(wanted);
    if (positions === undefined) buckets.set(wanted, [position]);
    else positions.push(position);
  }

  /** The first that matches and stands before `before`; else `before`. */
  first(routes: readonly CompiledRoute[], request: RequestHead, before: number): number {
    let best = firstOf(this.#others, routes, request, before);
    for (let i = 0; i < this.#byHeader.length; i++) {
      const { name, positions } = this.#byHeader[i] as HeaderBuckets;
      const value = request.header(name);
      const wanting = value === undefined ? undefined : positions.get(value);
      if (wanting !== undefined) best = firstOf(wanting, routes, request, best);
    }
    return best;
  }

  #bucketsOf(name: string): HeaderBuckets {
    for (const buckets of this.#byHeader) if (buckets.name === name) return buckets;
    const buckets: HeaderBuckets = { name, positions: new Map() };
    this.#byHeader.push(buckets);
    return buckets;
  }
}

function firstOf(
  positions: readonly number[],
  routes: readonly CompiledRoute[],
  request: RequestHead,
  before: number,
): number {
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i] as number;
    if (position >= before) return before;
    if ((routes[position] as CompiledRoute).matcher.matches(request)) return position;
  }
  return before;
}
