import { createHash } from "node:crypto";
import { FIELD_NAME } from "../../base/grammar/field-name.ts";
import { SESSION_BOUNDS, type SessionState } from "../../model/filter/stateful-session.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import type { Fields } from "../kubernetes/fields.ts";
import { DURATION_WORDS, gatewayDuration } from "./duration.ts";

const SESSION = fieldTable({
  executed: ["sessionName", "type", "cookieConfig", "absoluteTimeout", "idleTimeout"],
});
const COOKIE = fieldTable({ executed: ["lifetimeType"] });

export const SESSION_TABLES: Readonly<Record<string, FieldTable>> = {
  "HTTPRoute.spec.rules[].sessionPersistence": SESSION,
  "HTTPRoute.spec.rules[].sessionPersistence.cookieConfig": COOKIE,
};

type SessionFields = Fields<keyof typeof SESSION>;

/** The CRD's limit. */
const NAME_LENGTH_MAX = 128;

/** A rule's session persistence (GEP-1619): the client's endpoint, in a cookie or a header. */
export function readSession<Name extends string>(
  rule: Fields<Name | "sessionPersistence">,
): SessionState | undefined {
  const session = rule.mapping("sessionPersistence", SESSION);
  if (session === undefined) return undefined;
  const type = session.word("type", ["Cookie", "Header"]) ?? "Cookie";
  const idleMs = readTime(session, "idleTimeout");
  const absoluteMs = readTime(session, "absoluteTimeout");
  const ttlMs = readLifetime(session, absoluteMs);
  const name = readName(session) ?? nameOf(rule);
  if (type === "Header") {
    for (const field of ["absoluteTimeout", "idleTimeout"] as const) {
      const message = `\`${field}\` is read but not executed: a header tells no times`;
      if (session.has(field)) session.notExecuted(field, message);
    }
    if (session.has("cookieConfig")) {
      session.notExecuted(
        "cookieConfig",
        "`cookieConfig` is read but not executed: it is no cookie",
      );
    }
    return { kind: "header", name: name.toLowerCase() };
  }
  return {
    kind: "cookie",
    name,
    ttlMs,
    path: "/",
    ...(idleMs === undefined ? {} : { idleMs }),
    // A cookie that lives on has its time itself.
    ...(absoluteMs === undefined || ttlMs > 0 ? {} : { absoluteMs }),
  };
}

/** Undefined where there is none, 0 among them. */
function readTime(
  session: SessionFields,
  name: "idleTimeout" | "absoluteTimeout",
): number | undefined {
  const parse = (text: string) => {
    const value = gatewayDuration(text);
    return value === undefined || value > SESSION_BOUNDS.max ? undefined : value;
  };
  const value = session.parsed(name, parse, `${DURATION_WORDS}, at most 596h`);
  return value === 0 ? undefined : value;
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
function readLifetime(session: SessionFields, absoluteMs: number | undefined): number {
  const cookie = session.mapping("cookieConfig", COOKIE);
  const lifetime = cookie?.word("lifetimeType", ["Session", "Permanent"]) ?? "Session";
  if (lifetime === "Session") return 0;
  if (!session.has("absoluteTimeout")) session.missing("absoluteTimeout", DURATION_WORDS);
  return absoluteMs ?? 0;
}
