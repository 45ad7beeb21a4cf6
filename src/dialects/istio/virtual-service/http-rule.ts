import type { HttpRule, ScopedMatch, SplitAction } from "../../../model/http-route-set.ts";
import type { Spec } from "../spec.ts";
import { readBackends } from "./destination.ts";
import { readDirectResponse } from "./direct-response.ts";
import { type HeaderOperations, readHeaderOperations } from "./headers.ts";
import { readMatch } from "./match.ts";
import { readRedirect } from "./redirect.ts";
import { readRetries } from "./retries.ts";
import { checkAuthority, readRewrite } from "./rewrite.ts";
import { checkCors, checkFault, checkMirrors } from "./unexecuted.ts";

/** HTTPRoute; undefined where it holds for gateways alone or hands on to a delegate. */
export function readHttpRule(rule: Spec): HttpRule | undefined {
  checkRule(rule);
  const written = rule.at("match").items();
  const matches = written.map(readMatch).filter((match) => match !== undefined);
  const headers = readHeaderOperations(rule.at("headers"));
  const action = readAction(rule, matches, headers);
  const onlyGateways = written.length > 0 && matches.length === 0;
  if (action === undefined || onlyGateways) return undefined;
  return {
    name: rule.at("name").text() ?? "",
    matches,
    action,
    requestHeaders: headers.request,
    responseHeaders: headers.response,
    origin: rule.origin(),
  };
}

function readAction(
  rule: Spec,
  matches: readonly ScopedMatch[],
  headers: HeaderOperations,
): HttpRule["action"] | undefined {
  const [redirect, response] = [rule.at("redirect"), rule.at("directResponse")];
  if (redirect.present) return readRedirect(redirect, matches);
  if (response.present) return readDirectResponse(response);
  const split = readSplit(rule, headers);
  return rule.at("delegate").present ? undefined : split;
}

function readSplit(rule: Spec, headers: HeaderOperations): SplitAction {
  const rewrite = readRewrite(rule.at("rewrite"));
  const hostRewrite = rewrite.authority || headers.authority || undefined;
  const backends = readBackends(rule.at("route"));
  // Of a single destination Istio makes the rule's own headers, where the rule's rewrite wins.
  const only = backends.length === 1 && hostRewrite !== undefined;
  return {
    kind: "split",
    backends: only ? backends.map((backend) => ({ ...backend, hostRewrite: "" })) : backends,
    timeoutMs: rule.at("timeout").durationMs(),
    retries: readRetries(rule.at("retries")),
    prefixRewrite: rewrite.prefixRewrite,
    regexRewrite: rewrite.regexRewrite,
    hostRewrite,
  };
}

function checkRule(rule: Spec): void {
  checkActions(rule);
  checkAuthority(rule);
  checkFault(rule.at("fault"));
  checkMirrors(rule);
  checkCors(rule.at("corsPolicy"));
}

/** What may stand beside what. */
function checkActions(rule: Spec): void {
  const has = (field: string): boolean => rule.at(field).present;
  const routes = rule.at("route").items().length > 0;
  if (has("delegate")) {
    const name = rule.at("name").text() ?? "";
    for (const action of ["redirect", "route", "directResponse"]) {
      if (has(action)) rule.refuse(`root HTTP route ${name} must not specify ${action}`);
    }
    return;
  }
  if (has("mirror") && has("mirrors")) {
    rule.refuse("HTTP route cannot contain both mirror and mirrors");
  }
  const action = has("redirect") ? "redirect" : has("directResponse") ? "direct_response" : "";
  if (action === "") {
    if (!routes) rule.refuse("HTTP route, redirect or direct_response is required");
    return;
  }
  if (routes) rule.refuse(`HTTP route cannot contain both route and ${action}`);
  if (has("fault")) rule.refuse(`HTTP route cannot contain both fault and ${action}`);
  if (has("rewrite")) rule.refuse(`HTTP route rule cannot contain both rewrite and ${action}`);
  if (action === "redirect" && has("directResponse")) {
    rule.refuse("HTTP route rule cannot contain both direct_response and redirect");
  }
}
