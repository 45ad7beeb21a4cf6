import type { Diagnostic } from "../../base/diagnostic.ts";
import { formatDuration } from "../../base/duration.ts";
import type {
  HttpRouteSet,
  HttpRule,
  RetrySettings,
  ScopedMatch,
  SplitAction,
} from "../../model/http-route-set.ts";
import type { Mesh } from "../../model/mesh.ts";
import { methodsOf } from "./methods.ts";
import { trapAt } from "./trap.ts";

/** Conditions after which the request may have been executed already. */
const EXECUTED: ReadonlySet<string> = new Set([
  "5xx",
  "gateway-error",
  "reset",
  "retriable-4xx",
  "retriable-status-codes",
  "retriable-headers",
  "internal",
  "deadline-exceeded",
  "resource-exhausted",
]);

/** RFC 9110, 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
]);

const MULTIPLIES_MAX = 10;

/** Traps of rules that say how their requests are retried. */
export function retryTraps({ routes }: Pick<Mesh, "routes">): readonly Diagnostic[] {
  const retried = routes.flatMap((set) => set.rules.flatMap((rule) => retriedOf(set, rule)));
  const told = new Set<string>();
  const own = retried.flatMap((each) => [...executedTwice(each), ...shortTimeouts(each)]);
  const once = own.filter(({ code, position }) => {
    const key = JSON.stringify([code, position]);
    return !told.has(key) && told.add(key);
  });
  return [...once, ...multiplied(retried)];
}

/** A rule that says itself that it is retried, and how. */
interface Retried {
  readonly set: HttpRouteSet;
  readonly rule: HttpRule;
  readonly action: SplitAction;
  readonly retries: RetrySettings;
  /** Those of its conditions that are met after the request may have been executed. */
  readonly conditions: readonly string[];
}

function retriedOf(set: HttpRouteSet, rule: HttpRule): readonly Retried[] {
  const { action } = rule;
  if (action.kind !== "split" || action.retries === undefined) return [];
  const { retries } = action;
  if (retries.attempts === 0) return [];
  const conditions = retries.retryOn.filter((word) => EXECUTED.has(word));
  return [{ set, rule, action, retries, conditions }];
}

/** OUT0811. */
function executedTwice({ conditions, rule }: Retried): readonly Diagnostic[] {
  if (conditions.length === 0 || areIdempotent(rule.matches)) return [];
  return [
    trapAt(rule.origin, {
      code: "OUT0811",
      message:
        `A POST may be executed twice: after ${conditions.join(", ")} nobody knows whether the ` +
        "service did its work before it failed",
      found: `retryOn ${conditions.join(",")}, for every method`,
      allowed: "methods that may be repeated, or conditions before the request is sent",
      hint: "match method GET in a rule of its own, or retry on connect-failure,refused-stream",
    }),
  ];
}

/** Whether each way into the rule asks for a method that may be repeated. */
function areIdempotent(matches: readonly ScopedMatch[]): boolean {
  return (
    matches.length > 0 &&
    matches.every((match) => methodsOf(match)?.every((method) => IDEMPOTENT.has(method)) === true)
  );
}

/** OUT0812. */
function shortTimeouts({ action, retries, rule }: Retried): readonly Diagnostic[] {
  const { timeoutMs = 0 } = action;
  const { attempts, perTryTimeoutMs = 0 } = retries;
  const neededMs = (attempts + 1) * perTryTimeoutMs;
  if (timeoutMs === 0 || perTryTimeoutMs === 0 || timeoutMs >= neededMs) return [];
  const [whole, one, needed] = [timeoutMs, perTryTimeoutMs, neededMs].map(formatDuration);
  const room = Math.floor(timeoutMs / perTryTimeoutMs);
  return [
    trapAt(rule.origin, {
      code: "OUT0812",
      message:
        `The timeout ends the request before its retries: of ${attempts + 1} tries of ${one} ` +
        `there is time for ${room} in ${whole}, and less with the back-off between them`,
      found: `timeout ${whole}, attempts ${attempts}, perTryTimeout ${one}`,
      allowed: `a timeout above ${needed}`,
      hint: `write a timeout above ${needed}, fewer attempts, or a shorter perTryTimeout`,
    }),
  ];
}

/** Services that call one another multiply their retries: OUT0813, once for the mesh. */
function multiplied(retried: readonly Retried[]): readonly Diagnostic[] {
  const byHost = new Map<string, Retried>();
  for (const each of retried) {
    if (each.conditions.length === 0) continue;
    for (const host of each.set.hosts) {
      const most = byHost.get(host);
      if (most === undefined || most.retries.attempts < each.retries.attempts) {
        byHost.set(host, each);
      }
    }
  }
  const layers = [...byHost].toSorted(([, a], [, b]) => b.retries.attempts - a.retries.attempts);
  const [first, second] = layers;
  if (first === undefined || second === undefined) return [];
  const [one, other] = [first[1].retries.attempts + 1, second[1].retries.attempts + 1];
  if (one * other < MULTIPLIES_MAX) return [];
  return [
    trapAt(first[1].rule.origin, {
      code: "OUT0813",
      severity: "info",
      message:
        `Retries of several services multiply: where ${second[0]} calls ${first[0]}, or the ` +
        `other way round, one request may become ${one} × ${other} = ${one * other}`,
      found: `attempts ${one - 1} and ${other - 1}`,
      allowed: `fewer than ${MULTIPLIES_MAX} requests for one`,
      hint: "retry next to what fails alone, or with fewer attempts",
    }),
  ];
}
