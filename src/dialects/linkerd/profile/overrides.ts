import type { Backend } from "../../../model/http-route-set.ts";
import type { Service } from "../../../model/mesh.ts";
import { NO_MUTATIONS } from "../../../model/route.ts";
import type { DialectContext } from "../../dialect.ts";
import { type FieldTable, fieldTable } from "../../kubernetes/field-table.ts";
import type { Fields } from "../../kubernetes/fields.ts";
import { parseQuantity, wholeWeights } from "../../kubernetes/quantity/quantity.ts";

const OVERRIDE = fieldTable({ executed: ["authority", "weight"] });

export const OVERRIDE_TABLES: Readonly<Record<string, FieldTable>> = {
  "ServiceProfile.spec.dstOverrides[]": OVERRIDE,
};

type OverrideFields = Fields<keyof typeof OVERRIDE>;

const PORT_MAX = 65_535;
const WEIGHTS = "a number or quantity from 0 up, such as 1, 500m";

/** Where a profile's requests go instead of to its Service; empty: they go there. */
export function readOverrides<Name extends string>(
  spec: Fields<Name | "dstOverrides">,
  context: DialectContext,
): readonly Backend[] {
  const entries = spec.mappings("dstOverrides", OVERRIDE);
  const given = entries.map((entry) => readWeight(entry));
  if (given.length > 0 && given.every((weight) => weight === 0)) {
    const message = "All weights are 0, so every request gets 503";
    spec.problem("dstOverrides", { code: "OUT0201", severity: "warning", message });
  }
  const weights = wholeWeights(given.map((weight) => weight ?? 0));
  return entries.flatMap((entry, index) => readBackend(entry, weights[index] ?? 0, context) ?? []);
}

function readWeight(entry: OverrideFields): number | undefined {
  const written = entry.raw("weight");
  const text = typeof written === "number" ? String(written) : written;
  const weight = typeof text === "string" ? parseQuantity(text) : undefined;
  if (weight === undefined) entry.bad("weight", "`weight` cannot be read", WEIGHTS);
  return weight;
}

function readBackend(
  entry: OverrideFields,
  weight: number,
  context: DialectContext,
): Backend | undefined {
  const pattern = /^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?$/;
  const allowed = "the DNS name of a Service, with or without a port";
  const authority = entry.requiredString("authority", { pattern, allowed });
  if (authority === undefined) return undefined;
  const [host = "", port] = authority.split(":");
  if (port !== undefined && (Number(port) < 1 || Number(port) > PORT_MAX)) {
    entry.bad("authority", "`authority` has no usable port", `a port from 1 to ${PORT_MAX}`);
    return undefined;
  }
  const service = context.services.find((candidate) => candidate.host === host);
  if (service === undefined) {
    entry.problem("authority", {
      code: "KIA1101",
      severity: "warning",
      message: "No Service has this name, so its share of requests gets 503",
      found: authority,
      hint: `Services are called NAME.NAMESPACE.svc.${context.settings.clusterDomain}`,
    });
  }
  if (service !== undefined && port !== undefined && !exposes(service, Number(port))) {
    entry.problem("authority", {
      code: "KIA1101",
      severity: "warning",
      message: "The Service has no such port, so its share of requests gets 503",
      found: authority,
      allowed: service.ports.map(({ port: exposed }) => exposed).join(", ") || "no port",
    });
  }
  return {
    host,
    port: port === undefined ? undefined : Number(port),
    subset: "",
    weight,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    hostRewrite: "",
    invalidStatus: service === undefined ? 503 : undefined,
    origin: entry.origin(),
  };
}

function exposes({ ports }: Service, port: number): boolean {
  return ports.some((exposed) => exposed.port === port);
}
