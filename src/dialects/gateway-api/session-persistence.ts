import { createHash } from "node:crypto";
import { FIELD_NAME } from "../../base/grammar/field-name.ts";
import type { SessionState } from "../../model/filter/stateful-session.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import type { Fields } from "../kubernetes/fields.ts";
import { DURATION_WORDS, gatewayDuration } from "./duration.ts";

const SESSION = fieldTable({
  executed: ["sessionName", "type", "cookieConfig", "absoluteTimeout"],
  reported: ["idleTimeout"],
});
const COOKIE = fieldTable({ executed: ["lifetimeType"] });

export const SESSION_TABLES: Readonly<Record<string, FieldTable>> = {
  "HTTPRoute.spec.rules[].sessionPersistence": SESSION,
  "HTTPRoute.spec.rules[].sessionPersistence.cookieConfig": COOKIE,
};

type SessionFields = Fields<keyof typeof SESSION>;

/** The CRD's limit. */
const NAME_LENGTH_MAX = 128;
/** What both a cookie and a header may be called (RFC 9110 section 5.6.2). */

/** A rule's session persistence (GEP-1619): the client's endpoint, in a cookie or a header. */
export function readSession<Name extends string>(
  rule: Fields<Name | "sessionPersistence">,
): SessionState | undefined {
  const session = rule.mapping("sessionPersistence", SESSION);
  if (session === undefined) return undefined;
  const type = session.word("type", ["Cookie", "Header"]) ?? "Cookie";
  const ttlMs = readLifetime(session);
  const name = readName(session) ?? nameOf(rule);
  if (type === "Header") return { kind: "header", name: name.toLowerCase() };
  return { kind: "cookie", name, ttlMs, path: "/" };
}

function readName(session: SessionFields): string | undefined {
  const allowed = `a name as of a header, at most ${NAME_LENGTH_MAX} characters`;
  const name = session.string("sessionName", { pattern: FIELD_NAME, allowed });
  if (name === undefined || name.length <= NAME_LENGTH_MAX) return name;
  session.bad("sessionName", "The name is too long", allowed);
  return undefined;
}

/** Sessions of different rules must not meet: the place of the rule makes the name. */
function nameOf<Name extends string>(rule: Fields<Name>): string {
  const { kind, namespace, name, path } = rule.origin();
  const text = [kind, namespace, name, path].join(" ");
  return `outrigger-${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}

/** 0: as long as the browser's session. The CRD wants a time for cookies that outlive it. */
function readLifetime(session: SessionFields): number {
  const cookie = session.mapping("cookieConfig", COOKIE);
  const lifetime = cookie?.word("lifetimeType", ["Session", "Permanent"]) ?? "Session";
  const absoluteMs = session.parsed("absoluteTimeout", gatewayDuration, DURATION_WORDS);
  if (lifetime === "Permanent") {
    if (!session.has("absoluteTimeout")) session.missing("absoluteTimeout", DURATION_WORDS);
    return absoluteMs ?? 0;
  }
  if (absoluteMs !== undefined) {
    const message = "`absoluteTimeout` is read but not executed: the cookie ends with the browser";
    const hint = "`cookieConfig: {lifetimeType: Permanent}` makes a cookie of that age";
    session.problem("absoluteTimeout", { code: "OUT0201", severity: "warning", message, hint });
  }
  return 0;
}
