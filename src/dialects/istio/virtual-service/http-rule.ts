import type { HttpRule, ScopedMatch, SplitAction } from "../../../model/http-route-set.ts";
import type { Spec } from "../spec.ts";
import { readBackends } from "./destination.ts";
import { readDirectResponse } from "./direct-response.ts";
import { readCors } from "./filter/cors.ts";
import { readFault } from "./filter/fault.ts";
import { type HeaderOperations, readHeaderOperations } from "./headers.ts";
import { readMatch } from "./match.ts";
import { readMirrors } from "./mirror.ts";
import { readRedirect } from "./redirect.ts";
import { readRetries } from "./retry/retries.ts";
import { checkAuthority, readRewrite } from "./rewrite.ts";

/**
 * HTTPRoute; none where it holds for gateways alone or hands on to a delegate. Routes are named
 * after rule and match, so a rule whose matches have names becomes one rule a match.
 */
export function readHttpRules(rule: Spec): HttpRule[] {
  checkRule(rule);
  const written = rule.at("match").items();
  const named = written.flatMap((node) => {
    const match = readMatch(node);
    return match === undefined ? [] : [{ match, name: node.at("name").text() ?? "" }];
  });
  const matches = named.map(({ match }) => match);
  const headers = readHeaderOperations(rule.at("headers"));
  const action = readAction(rule, matches, headers);
  const onlyGateways = written.length > 0 && matches.length === 0;
  if (action === undefined || onlyGateways) return [];
  const name = rule.at("name").text() ?? "";
  const fault = readFault(rule.at("fault"));
  const whole = {
    name,
    matches,
    action,
    requestHeaders: headers.request,
    responseHeaders: headers.response,
    cors: readCors(rule.at("corsPolicy")),
    ...(fault === undefined ? {} : { fault }),
    session: undefined,
    origin: rule.origin(),
  };
  if (named.every((one) => one.name === "")) return [whole];
  return named.map((one) => ({
    ...whole,
    ...(one.name === "" ? {} : { name: `${name}.${one.name}`, section: name }),
    matches: [one.match],
  }));
}

function readAction(
  rule: Spec,
  matches: readonly ScopedMatch[],
  headers: HeaderOperations,
): HttpRule["action"] | undefined {
  const [redirect, response] = [rule.at("redirect"), rule.at("directResponse")];
  // Read in any case, so that what is wrong with routes beside a redirect is found too.
  const split = readSplit(rule, headers);
  if (redirect.present) return readRedirect(redirect, matches);
  if (response.present) return readDirectResponse(response);
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
    mirrors: readMirrors(rule),
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
