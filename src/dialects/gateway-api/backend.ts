import type { Backend } from "../../model/http-route-set.ts";
import type { Origin } from "../../model/origin.ts";
import { NO_MUTATIONS } from "../../model/route.ts";
import type { DialectContext } from "../dialect.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import type { Fields } from "../kubernetes/fields.ts";
import { DNS_LABEL } from "../kubernetes/metadata.ts";
import { type Filters, type FilterType, readFilters } from "./filter/filter.ts";

const BACKEND = fieldTable({
  executed: ["group", "kind", "name", "namespace", "port", "weight", "filters"],
});

export const BACKEND_TABLES: Readonly<Record<string, FieldTable>> = {
  "spec.rules[].backendRefs[]": BACKEND,
};

type BackendFields = Fields<keyof typeof BACKEND>;

export const API_GROUP: RegExp =
  /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
export const API_KIND: RegExp = /^[a-zA-Z]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;

const WEIGHT_MAX = 1_000_000;

/** What the share of a broken reference gets: HTTPRoutes 500, GRPCRoutes UNAVAILABLE. */
export type InvalidStatus = NonNullable<Backend["invalidStatus"]>;

/**
 * The backends of a rule. A reference that cannot be used keeps its weight and answers `status`,
 * as the specification wants it; so does a rule without any weight.
 */
export function readBackends<Name extends string>(
  rule: Fields<Name | "backendRefs">,
  context: DialectContext,
  status: InvalidStatus,
  types: readonly FilterType[],
): Backend[] {
  const backends = rule
    .mappings("backendRefs", BACKEND, 16)
    .map((entry) => readBackend(entry, context, failing(entry.origin(), 1, status), types));
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  return total > 0 ? backends : [failing(rule.origin(), 1, status)];
}

/** Answers `status` for its share. */
export function failing(origin: Origin, weight: number, status: InvalidStatus): Backend {
  return {
    host: "",
    port: undefined,
    subset: "",
    weight,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    hostRewrite: "",
    invalidStatus: status,
    origin,
  };
}

function readBackend(
  entry: BackendFields,
  context: DialectContext,
  whole: Backend,
  types: readonly FilterType[],
): Backend {
  const group = entry.string("group", { pattern: API_GROUP, allowed: "an API group" }) ?? "";
  const kind = entry.string("kind", { pattern: API_KIND, allowed: "a kind" }) ?? "Service";
  const name = entry.requiredString("name", { allowed: "the name of a Service" });
  const rule = { pattern: DNS_LABEL, allowed: "a namespace" };
  const namespace = entry.string("namespace", rule) ?? entry.object.namespace;
  const isService = kind === "Service" && (group === "" || group === "core");
  const range = { min: 1, max: 65_535 };
  const port = isService ? entry.requiredInteger("port", range) : entry.integer("port", range);
  const weight = entry.integer("weight", { min: 0, max: WEIGHT_MAX }) ?? 1;
  const filters = readFilters(entry, types, context);
  const broken = { ...whole, weight };
  if (!isService) return refuse(entry, "kind", `No backends of kind ${kind} are known`, broken);
  if (name === undefined || port === undefined) return broken;
  const host = `${name}.${namespace}.svc.${context.settings.clusterDomain}`;
  const service = context.services.find((candidate) => candidate.host === host);
  if (service === undefined) return refuse(entry, "name", "No Service has this name", broken);
  if (!service.ports.some((candidate) => candidate.port === port)) {
    return refuse(entry, "port", `Service ${name} has no such port`, broken);
  }
  if (!canApply(entry, filters)) return broken;
  return {
    ...broken,
    host,
    port,
    requestHeaders: filters.requestHeaders,
    responseHeaders: filters.responseHeaders,
    hostRewrite: filters.hostname ?? "",
    invalidStatus: undefined,
  };
}

/** Redirects and path rewrites of one backend alone are not executed, and must not be skipped. */
function canApply(entry: BackendFields, filters: Filters): boolean {
  const unsupported = filters.redirect !== undefined || filters.path !== undefined;
  if (unsupported) {
    entry.problem("filters", {
      code: "OUT0501",
      severity: "warning",
      message: "Redirects and path rewrites of one backend are not executed: its share gets 500",
      hint: "write the filter at the rule",
    });
  }
  if (filters.mirrors.length > 0 || filters.cors !== undefined) {
    entry.problem("filters", {
      code: "OUT0501",
      severity: "warning",
      message: "Mirrors and CORS of one backend are not executed: its share goes without",
      hint: "write the filter at the rule",
    });
  }
  return !unsupported && !filters.unresolved;
}

function refuse(
  entry: BackendFields,
  field: "kind" | "name" | "port",
  reason: string,
  broken: Backend,
): Backend {
  entry.problem(field, {
    code: field === "kind" ? "OUT0501" : "KIA1101",
    severity: "warning",
    message: `${reason}, so its share of requests gets ${broken.invalidStatus}`,
    found: String(entry.raw(field)),
  });
  return broken;
}
