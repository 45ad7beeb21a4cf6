import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import type { Fields } from "../kubernetes/fields.ts";

/** Filters that are not executed yet; what the CRD refuses in them is refused all the same. */

const MIRROR = fieldTable({ accepted: ["backendRef", "percent", "fraction"] });
const MIRROR_BACKEND = fieldTable({ accepted: ["group", "kind", "name", "namespace", "port"] });
const FRACTION = fieldTable({ accepted: ["numerator", "denominator"] });
const CORS = fieldTable({
  accepted: [
    "allowOrigins",
    "allowCredentials",
    "allowMethods",
    "allowHeaders",
    "exposeHeaders",
    "maxAge",
  ],
});

export const UNEXECUTED_FILTER_TABLES: Readonly<Record<string, FieldTable>> = {
  "filters[].requestMirror": MIRROR,
  "filters[].requestMirror.backendRef": MIRROR_BACKEND,
  "filters[].requestMirror.fraction": FRACTION,
  "filters[].cors": CORS,
};

export function checkMirror<Name extends string>(filter: Fields<Name | "requestMirror">): void {
  const mirror = filter.mapping("requestMirror", MIRROR);
  if (mirror === undefined) return;
  const backend = mirror.requiredMapping("backendRef", MIRROR_BACKEND);
  const service = (backend?.raw("kind") ?? "Service") === "Service" && !backend?.raw("group");
  backend?.requiredString("name", { allowed: "the name of a Service" });
  const range = { min: 1, max: 65_535 };
  if (service) backend?.requiredInteger("port", range);
  else backend?.integer("port", range);
  mirror.integer("percent", { min: 0, max: 100 });
  const fraction = mirror.mapping("fraction", FRACTION);
  const numerator = fraction?.requiredInteger("numerator", { min: 0 }) ?? 0;
  const denominator = fraction?.integer("denominator", { min: 1 }) ?? 100;
  if (numerator > denominator) {
    fraction?.bad("numerator", "The fraction is more than the whole", `at most ${denominator}`);
  }
  if (mirror.has("percent") && mirror.has("fraction")) {
    mirror.bad("fraction", "`percent` and `fraction` exclude each other", "one of the two");
  }
}

const ORIGIN = /^\*$|^https?:\/\/((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:[0-9]{1,5})?$/;

export function checkCors<Name extends string>(filter: Fields<Name | "cors">): void {
  const cors = filter.mapping("cors", CORS);
  if (cors === undefined) return;
  for (const list of ["allowOrigins", "allowMethods", "allowHeaders"] as const) {
    const rule = { pattern: ORIGIN, allowed: "*, or an origin as https://*.example.com:8443" };
    const entries = cors.strings(list, list === "allowOrigins" ? rule : {});
    if (entries.length > 1 && entries.includes("*")) {
      cors.bad(list, "`*` does not go with other entries", "`*` alone, or names");
    }
  }
  cors.strings("exposeHeaders");
  cors.integer("maxAge", { min: 1 });
}
