import { ID } from "../../codec/http/header-name.ts";
import { withoutPort } from "./authority.ts";
import type { CompiledRedirect } from "./compiled-route.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * Gives the request the path that it is sent to, so that logs show that one, and where it came for
 * (Envoy: RouteEntryImplBase::rewritePathHeader).
 */
export function rewriteRedirected(action: CompiledRedirect, request: RequestHead): void {
  const path = action.rewrite?.apply(request.path) ?? request.path;
  if (path === request.path) return;
  request.headers.set(ID["x-envoy-original-path"], request.path);
  request.setPath(path);
}

/** Where a redirect leads, its path being rewritten (Envoy: RouteEntryImplBase::newUri). */
export function redirectLocation(action: CompiledRedirect, request: RequestHead): string {
  const scheme = action.scheme ?? request.scheme;
  const path = action.path ?? request.path;
  return `${scheme}://${authority(action, request, scheme)}${withQuery(path, action, request)}`;
}

/** A changed scheme drops a port that was the old scheme's own. */
function authority(action: CompiledRedirect, request: RequestHead, scheme: string): string {
  const host = action.host ?? request.authority;
  if (action.port !== undefined) return `${withoutPort(host)}:${action.port}`;
  if (action.host !== undefined || scheme === request.scheme) return host;
  const own = request.scheme === "https" ? ":443" : ":80";
  return host.endsWith(own) ? withoutPort(host) : host;
}

function withQuery(path: string, action: CompiledRedirect, request: RequestHead): string {
  const query = request.query;
  const own = path.indexOf("?");
  if (action.stripQuery) return action.path === undefined && own >= 0 ? path.slice(0, own) : path;
  if (own >= 0 || query === undefined) return path;
  return `${path}?${query}`;
}
