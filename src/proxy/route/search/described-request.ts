import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { Route } from "../../../model/route.ts";
import { RequestHead } from "../request-head.ts";
import { RouteMatcher } from "../route-matcher.ts";

/** A request in words, for offline questions. */
export interface DescribedHead {
  readonly method: string;
  readonly authority: string;
  /** With its query. */
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
}

/**
 * The first of the routes that such a request would match, by the data plane's own matchers.
 * Throws where a regex of a route is none.
 */
export function findDescribed(routes: readonly Route[], head: DescribedHead): Route | undefined {
  const headers = new HeaderTable();
  for (const [name, value] of head.headers) headers.addName(name, value);
  const request = new RequestHead(headers);
  request.method = head.method;
  request.authority = head.authority;
  request.setPath(head.path);
  return routes.find(({ match }) => new RouteMatcher(match).matches(request));
}
