import type {
  HttpRule,
  RetrySettings,
  ScopedMatch,
  SplitAction,
} from "../../model/http-route-set.ts";
import type { Origin } from "../../model/origin.ts";
import { NO_MUTATIONS } from "../../model/route.ts";
import type { DialectContext } from "../dialect.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import type { Fields } from "../kubernetes/fields.ts";
import { DNS_SUBDOMAIN } from "../kubernetes/metadata.ts";
import { failing, readBackends } from "./backend.ts";
import { DURATION_WORDS, gatewayDuration } from "./duration.ts";
import { type Filters, HTTP_FILTERS, readFilters } from "./filter/filter.ts";
import { matchAnything, readMatches } from "./match.ts";
import { redirectAction } from "./redirect.ts";
import { NO_REWRITE, pathRewrite } from "./rewrite.ts";
import { readSession, SESSION_TABLES } from "./session-persistence.ts";

const RULE = fieldTable({
  executed: [
    "name",
    "matches",
    "filters",
    "backendRefs",
    "timeouts",
    "retry",
    "sessionPersistence",
  ],
});
const TIMEOUTS = fieldTable({ executed: ["request", "backendRequest"] });
/** What proxies can count to. */
const ATTEMPTS_MAX = 2 ** 32 - 1;
const RETRY = fieldTable({ executed: ["codes", "attempts", "backoff"] });

export const RULE_TABLES: Readonly<Record<string, FieldTable>> = {
  "HTTPRoute.spec.rules[]": RULE,
  "HTTPRoute.spec.rules[].timeouts": TIMEOUTS,
  "HTTPRoute.spec.rules[].retry": RETRY,
  ...SESSION_TABLES,
};

type RuleFields = Fields<keyof typeof RULE>;

/** A rule that has been read; what becomes of it depends on the port that a client addressed. */
export type RuleOfPort = (servicePort: number) => HttpRule[];

/** What a request gets that nothing can serve. */
const FAILED = 500;

/** The CRD: fewer than 128 in all rules together. */
const MATCHES_MAX = 127;

export function readRules<Name extends string>(
  spec: Fields<Name | "rules">,
  context: DialectContext,
): RuleOfPort[] {
  if (!spec.has("rules")) return [() => [ruleWithoutBackends(spec.origin())]];
  const rules = spec.mappings("rules", RULE, 16);
  const names = readNames(spec, rules);
  return rules.map((rule, index) => readRule(rule, names[index] ?? "", context));
}

/** What rules of any kind have in common: few matches altogether, and names of their own. */
export function readNames<Name extends string, Field extends string>(
  spec: Fields<Name | "rules">,
  rules: readonly Fields<Field | "name" | "matches">[],
): readonly string[] {
  const matches = rules.reduce((sum, rule) => sum + rule.list("matches").length, 0);
  if (matches > MATCHES_MAX) {
    const message = "The route has too many matches";
    spec.problem("rules", { message, found: String(matches), allowed: `at most ${MATCHES_MAX}` });
  }
  const names = new Set<string>();
  return rules.map((rule) => {
    const allowed = "a DNS subdomain name";
    const name = rule.string("name", { pattern: DNS_SUBDOMAIN, allowed }) ?? "";
    if (name !== "" && names.has(name))
      rule.bad("name", "Two rules have this name", "unique names");
    names.add(name);
    return name;
  });
}

/** The CRD's default where `rules` is left out: everything matches, and nothing serves it. */
function ruleWithoutBackends(origin: Origin): HttpRule {
  return {
    name: "",
    matches: [matchAnything(origin)],
    action: {
      kind: "split",
      mirrors: [],
      backends: [failing(origin, 1, FAILED)],
      timeoutMs: undefined,
      retries: undefined,
      ...NO_REWRITE,
      hostRewrite: undefined,
    },
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    cors: undefined,
    session: undefined,
    origin,
  };
}

function readRule(rule: RuleFields, name: string, context: DialectContext): RuleOfPort {
  const filters = readFilters(rule, HTTP_FILTERS, context);
  const matches = readMatches(rule);
  const forward = readForward(rule, filters, context);
  const session = readSession(rule);
  checkCombination(rule, filters, matches);
  const actionFor = (match: ScopedMatch, port: number): HttpRule["action"] => {
    const { path } = match.request;
    if (filters.redirect !== undefined) return redirectAction(filters.redirect, path, port);
    const rewrite = filters.path === undefined ? NO_REWRITE : pathRewrite(filters.path, path);
    return { ...forward, ...rewrite };
  };
  return (port) =>
    matches.map((match) => ({
      name,
      matches: [match],
      action: actionFor(match, port),
      requestHeaders: filters.requestHeaders,
      responseHeaders: filters.responseHeaders,
      cors: filters.cors,
      session,
      origin: rule.origin(),
    }));
}

function readForward(rule: RuleFields, filters: Filters, context: DialectContext): SplitAction {
  const backends = readBackends(rule, context, FAILED, HTTP_FILTERS);
  const { request, backendRequest } = readTimeouts(rule);
  const retries = readRetry(rule, backendRequest);
  return {
    kind: "split",
    mirrors: filters.mirrors,
    backends: filters.unresolved ? [failing(rule.origin(), 1, FAILED)] : backends,
    // With a single try its timeout and the request's are one.
    timeoutMs: retries === undefined ? shorter(request, backendRequest) : request,
    retries,
    ...NO_REWRITE,
    hostRewrite: filters.hostname,
  };
}

/** The CRD's CEL rules about what goes together. */
function checkCombination(
  rule: RuleFields,
  filters: Filters,
  matches: readonly ScopedMatch[],
): void {
  if (filters.redirect !== undefined && rule.list("backendRefs").length > 0) {
    const message = "RequestRedirect must not be used together with backendRefs";
    rule.problem("filters", { message, allowed: "a redirect, or backends" });
  }
  const modifier = filters.redirect?.path ?? filters.path;
  const prefix = matches.length === 1 && /refix/.test(matches[0]?.request.path.kind ?? "");
  if (modifier?.kind === "prefix" && !prefix) {
    const message = "replacePrefixMatch needs exactly one match, of type PathPrefix";
    rule.problem("filters", { message, allowed: "one PathPrefix match in the rule" });
  }
}

interface Timeouts {
  readonly request: number | undefined;
  readonly backendRequest: number | undefined;
}

function readTimeouts(rule: RuleFields): Timeouts {
  const fields = rule.mapping("timeouts", TIMEOUTS);
  const request = fields?.parsed("request", gatewayDuration, DURATION_WORDS);
  const backendRequest = fields?.parsed("backendRequest", gatewayDuration, DURATION_WORDS);
  if (request !== undefined && request > 0 && (backendRequest ?? 0) > request) {
    const message = "One try may not take longer than the whole request";
    fields?.bad("backendRequest", message, `at most ${fields.raw("request")}`);
  }
  return { request, backendRequest };
}

/** 0 is no timeout. */
function shorter(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || left === 0) return right ?? left;
  return right === undefined || right === 0 ? left : Math.min(left, right);
}

/** Connection errors are retried with the codes; the request's timeout bounds them all. */
function readRetry(rule: RuleFields, perTry: number | undefined): RetrySettings | undefined {
  const fields = rule.mapping("retry", RETRY);
  if (fields === undefined) return undefined;
  const codes = fields.list("codes").flatMap((code, index) => {
    if (typeof code === "number" && Number.isInteger(code) && code >= 400 && code <= 599)
      return code;
    const allowed = "a status from 400 to 599";
    fields.problemAt(["codes", index], {
      message: "Not a status to retry",
      found: String(code),
      allowed,
    });
    return [];
  });
  const withCodes = codes.length > 0 ? ["retriable-status-codes"] : [];
  return {
    attempts: fields.integer("attempts", { min: 0, max: ATTEMPTS_MAX }) ?? 1,
    perTryTimeoutMs: perTry === 0 ? undefined : perTry,
    retryOn: ["connect-failure", "refused-stream", "reset", ...withCodes],
    statusCodes: codes,
    backOffBaseMs: fields.parsed("backoff", gatewayDuration, DURATION_WORDS),
    avoidPreviousHosts: true,
  };
}
