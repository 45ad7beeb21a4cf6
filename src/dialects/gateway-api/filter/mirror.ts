import type { Fraction } from "../../../model/filter/fraction.ts";
import type { RuleMirror } from "../../../model/http-route-set.ts";
import type { DialectContext } from "../../dialect.ts";
import { type FieldTable, fieldTable } from "../../kubernetes/field-table.ts";
import type { Fields } from "../../kubernetes/fields.ts";

const MIRROR = fieldTable({ executed: ["backendRef", "percent", "fraction"] });
const BACKEND = fieldTable({ executed: ["group", "kind", "name", "namespace", "port"] });
const FRACTION = fieldTable({ executed: ["numerator", "denominator"] });

export const MIRROR_TABLES: Readonly<Record<string, FieldTable>> = {
  "filters[].requestMirror": MIRROR,
  "filters[].requestMirror.backendRef": BACKEND,
  "filters[].requestMirror.fraction": FRACTION,
};

type MirrorFields = Fields<keyof typeof MIRROR>;
type BackendFields = Fields<keyof typeof BACKEND>;

const MILLION = 1_000_000;

/** A reference that cannot be used mirrors nowhere; the rule's requests are served all the same. */
export function readMirror<Name extends string>(
  filter: Fields<Name | "requestMirror">,
  context: DialectContext,
): RuleMirror | undefined {
  const mirror = filter.mapping("requestMirror", MIRROR);
  if (mirror === undefined) return undefined;
  const fraction = readFraction(mirror);
  const backend = mirror.requiredMapping("backendRef", BACKEND);
  const service = backend && readService(backend, context);
  if (backend === undefined || service === undefined) return undefined;
  return { ...service, subset: "", fraction, origin: backend.origin() };
}

function readFraction(mirror: MirrorFields): Fraction | undefined {
  const percent = mirror.integer("percent", { min: 0, max: 100 });
  const fraction = mirror.mapping("fraction", FRACTION);
  const numerator = fraction?.requiredInteger("numerator", { min: 0 }) ?? 0;
  const denominator = fraction?.integer("denominator", { min: 1 }) ?? 100;
  if (numerator > denominator) {
    fraction?.bad("numerator", "The fraction is more than the whole", `at most ${denominator}`);
  }
  if (mirror.has("percent") && mirror.has("fraction")) {
    mirror.bad("fraction", "`percent` and `fraction` exclude each other", "one of the two");
  }
  if (percent !== undefined) return { numerator: percent, denominator: 100 };
  if (fraction === undefined) return undefined;
  return { numerator: Math.round((numerator * MILLION) / denominator), denominator: MILLION };
}

function readService(
  backend: BackendFields,
  context: DialectContext,
): Pick<RuleMirror, "host" | "port"> | undefined {
  const isService = (backend.raw("kind") ?? "Service") === "Service" && !backend.raw("group");
  const name = backend.requiredString("name", { allowed: "the name of a Service" });
  const range = { min: 1, max: 65_535 };
  const port = isService ? backend.requiredInteger("port", range) : backend.integer("port", range);
  const namespace = backend.string("namespace") ?? backend.object.namespace;
  if (name === undefined || (isService && port === undefined)) return undefined;
  const host = `${name}.${namespace}.svc.${context.settings.clusterDomain}`;
  const service = context.services.find((candidate) => candidate.host === host);
  if (!isService) return missing(backend, "kind", "Copies go to Services alone");
  if (service === undefined) return missing(backend, "name", "No Service has this name");
  if (!service.ports.some((candidate) => candidate.port === port)) {
    return missing(backend, "port", `Service ${name} has no such port`);
  }
  return { host, port };
}

function missing(
  backend: BackendFields,
  field: "kind" | "name" | "port",
  reason: string,
): undefined {
  backend.problem(field, {
    code: field === "kind" ? "OUT0501" : "KIA1101",
    severity: "warning",
    message: `${reason}, so no copies are sent`,
    found: String(backend.raw(field)),
  });
}
