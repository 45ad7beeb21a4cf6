// hot path: no allocation per request

import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { FormatSource } from "../format/source.ts";
import type { CompiledForward, CompiledRoute, Target } from "./compiled-route.ts";
import type { HeaderMutator } from "./header-mutator.ts";
import type { RequestHead } from "./request-head.ts";
import { isAuthority } from "./rewrite.ts";

/**
 * What the route makes of a request (Envoy: finalizeRequestHeaders): headers of the weighted
 * cluster, the route, the virtual host, the route configuration; then Host; then the path.
 */
export function finalizeRequest(
  request: RequestHead,
  route: CompiledRoute,
  forward: CompiledForward,
  target: Target,
  source: FormatSource,
): void {
  applyAll(target.requestHeaders, request.headers, source);
  applyAll(route.requestHeaders, request.headers, source);
  if (target.hostRewrite !== "") setHost(request, target.hostRewrite);
  const host = hostFor(request, forward);
  if (host !== "") rewriteHost(request, host, forward.appendForwardedHost);
  if (forward.rewrite === undefined) return;
  const path = forward.rewrite.apply(request.path);
  if (path === request.path) return;
  request.headers.set(ID["x-envoy-original-path"], request.path);
  request.setPath(path);
}

/** An attempt has a connection to this endpoint, and takes its name where the route says so. */
export function takeHostname(request: RequestHead, forward: CompiledForward, name: string): void {
  if (name === "" || !isAuthority(name)) return;
  rewriteHost(request, name, forward.appendForwardedHost);
}

/** The Host that it is to have; empty: the one that it has. */
function hostFor(request: RequestHead, forward: CompiledForward): string {
  if (forward.hostRewrite !== undefined) return forward.hostRewrite;
  return forward.hostRewriteFrom?.apply(request) ?? "";
}

/** Tells the upstream the number of this attempt, where the route is to. */
export function countAttempt(
  headers: HeaderTable,
  route: CompiledRoute | undefined,
  attempts: number,
): void {
  if (route?.attemptCountInRequest !== true) return;
  headers.set(ID["x-envoy-attempt-count"], String(attempts));
}

/** What the route makes of a response's headers, the levels in the same order. */
export function finalizeResponse(
  headers: HeaderTable,
  route: CompiledRoute,
  target: Target | undefined,
  source: FormatSource,
): void {
  // A local reply before the first attempt has none to count.
  if (route.attemptCountInResponse && source.account.attempts > 0) {
    headers.set(ID["x-envoy-attempt-count"], String(source.account.attempts));
  }
  if (target !== undefined) applyAll(target.responseHeaders, headers, source);
  applyAll(route.responseHeaders, headers, source);
}

function applyAll(
  mutators: readonly HeaderMutator[],
  headers: HeaderTable,
  source: FormatSource,
): void {
  for (let i = 0; i < mutators.length; i++) mutators[i]?.apply(headers, source);
}

function setHost(request: RequestHead, host: string): void {
  request.headers.set(ID.host, host);
  request.authority = host;
}

/** Whether that is the last of several with commas between them. */
function endsWith(all: string, last: string): boolean {
  return all === last || (all.endsWith(last) && all.at(-last.length - 1) === ",");
}

function rewriteHost(request: RequestHead, host: string, append: boolean): void {
  const { headers } = request;
  if (append && request.authority !== "") {
    const before = headers.joined("x-forwarded-host");
    if (before === undefined) headers.set(ID["x-forwarded-host"], request.authority);
    else if (!endsWith(before, request.authority)) {
      headers.set(ID["x-forwarded-host"], `${before},${request.authority}`);
    }
  }
  headers.setName("x-envoy-original-host", request.authority);
  setHost(request, host);
}
