import { badHeaderName, badHeaderValue } from "../../model/resilience/circuit-bounds.ts";
import type { PolicyFallback } from "../../model/resilience/circuit-policy.ts";
import { showFound } from "../kubernetes/fields.ts";
import { type FALLBACK, FALLBACK_SERVICE, LAST_GOOD, STATIC } from "./schema/circuit-breaker.ts";
import type { Section } from "./section.ts";

/** Where a policy stands: its references are to be understood there. */
export interface Home {
  readonly namespace: string;
  readonly clusterDomain: string;
}

/** Undefined where there is none, or none that can be read. */
export function readFallback(
  fallback: Section<keyof typeof FALLBACK.properties> | undefined,
  home: Home,
): PolicyFallback | undefined {
  const fixed = fallback?.section("static", STATIC);
  const service = fallback?.section("service", FALLBACK_SERVICE);
  const lastGood = fallback?.section("lastGood", LAST_GOOD);
  if (fixed !== undefined) return readStatic(fixed);
  if (service !== undefined) return readService(service, home);
  const maxAgeMs = lastGood?.durationMs("maxAge");
  const maxBytes = lastGood?.bytes("maxBytes");
  if (maxAgeMs === undefined || maxBytes === undefined) return undefined;
  return { kind: "lastGood", maxAgeMs, maxBytes };
}

function readStatic(fixed: Section<keyof typeof STATIC.properties>): PolicyFallback {
  return {
    kind: "static",
    status: fixed.integer("status") ?? 200,
    headers: readHeaders(fixed),
    body: fixed.text("body") ?? "",
  };
}

/** In lower case, as they are sent. */
function readHeaders(
  fixed: Section<keyof typeof STATIC.properties>,
): readonly { readonly name: string; readonly value: string }[] {
  const seen = new Set<string>();
  return fixed.headers("headers").flatMap(([written, value]) => {
    const name = written.toLowerCase();
    const bad = badHeaderName(name) ?? badHeaderValue(value);
    if (bad !== undefined) {
      const message = `The header ${bad.problem}`;
      const at = ["headers", written];
      fixed.problemAt(at, {
        message,
        found: showFound(`${written}: ${value}`),
        allowed: bad.allowed,
      });
      return [];
    }
    if (seen.has(name)) {
      const message = "The header stands twice";
      fixed.problemAt(["headers", written], { message, found: written, allowed: "each name once" });
    }
    seen.add(name);
    return [{ name, value }];
  });
}

function readService(
  service: Section<keyof typeof FALLBACK_SERVICE.properties>,
  home: Home,
): PolicyFallback | undefined {
  const name = service.text("name");
  const namespace = service.text("namespace") ?? home.namespace;
  const port = service.integer("port");
  const subset = service.text("subset") ?? "";
  if (name === undefined) return undefined;
  const host = `${name}.${namespace}.svc.${home.clusterDomain}`;
  return { kind: "service", host, port, subset, origin: service.origin() };
}
