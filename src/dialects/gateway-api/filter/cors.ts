import type { CorsPolicy } from "../../../model/filter/cors.ts";
import type { StringMatch } from "../../../model/route.ts";
import { type FieldTable, fieldTable } from "../../kubernetes/field-table.ts";
import type { Fields } from "../../kubernetes/fields.ts";

const CORS = fieldTable({
  executed: [
    "allowOrigins",
    "allowCredentials",
    "allowMethods",
    "allowHeaders",
    "exposeHeaders",
    "maxAge",
  ],
});

export const CORS_TABLES: Readonly<Record<string, FieldTable>> = { "filters[].cors": CORS };

const ORIGIN = /^\*$|^https?:\/\/((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:[0-9]{1,5})?$/;

/** Seconds that a browser may keep an answer to a preflight, where the filter does not say. */
const MAX_AGE_S = 5;

/** HTTPRoute's CORS filter. */
export function readCors<Name extends string>(
  filter: Fields<Name | "cors">,
): CorsPolicy | undefined {
  const cors = filter.mapping("cors", CORS);
  if (cors === undefined) return undefined;
  const lists = { allowOrigins: "", allowMethods: "", allowHeaders: "" };
  const origins: string[] = [];
  for (const list of ["allowOrigins", "allowMethods", "allowHeaders"] as const) {
    const rule = { pattern: ORIGIN, allowed: "*, or an origin as https://*.example.com:8443" };
    const entries = cors.strings(list, list === "allowOrigins" ? rule : {});
    if (entries.length > 1 && entries.includes("*")) {
      cors.bad(list, "`*` does not go with other entries", "`*` alone, or names");
    }
    lists[list] = entries.join(",");
    if (list === "allowOrigins") origins.push(...entries);
  }
  return {
    allowOrigins: origins.map(matchOf),
    allowMethods: lists.allowMethods,
    allowHeaders: lists.allowHeaders,
    exposeHeaders: cors.strings("exposeHeaders").join(","),
    maxAge: String(cors.integer("maxAge", { min: 1 }) ?? MAX_AGE_S),
    allowCredentials: readCredentials(cors),
    allowPrivateNetworkAccess: undefined,
    forwardNotMatchingPreflights: undefined,
    enabled: undefined,
    shadowEnabled: undefined,
  };
}

function readCredentials(cors: Fields<keyof typeof CORS>): boolean | undefined {
  const value = cors.raw("allowCredentials");
  if (value === undefined || typeof value === "boolean") return value;
  cors.bad("allowCredentials", "Not true or false", "true, false");
  return undefined;
}

/** An asterisk stands for a whole host, or for one or more labels at its left. */
function matchOf(origin: string): StringMatch {
  if (!origin.includes("*") || origin === "*") {
    return { kind: "exact", value: origin, ignoreCase: false };
  }
  const pattern = origin
    .split("*")
    .map((part) => part.replaceAll(".", "\\."))
    .join("[^:/]+");
  return { kind: "regex", value: pattern, ignoreCase: false };
}
