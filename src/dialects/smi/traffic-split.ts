import type { Diagnostic } from "../../base/diagnostic.ts";
import {
  type Backend,
  type HttpRouteSet,
  type ScopedMatch,
  splitRule,
} from "../../model/http-route-set.ts";
import type { Service } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import { NO_MUTATIONS } from "../../model/route.ts";
import type { DialectContext } from "../dialect.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { parseQuantity, wholeWeights } from "../kubernetes/quantity/quantity.ts";
import type { GroupMatch } from "./route-group.ts";

const TRAFFIC_SPLIT = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});

const SPEC = fieldTable({ executed: ["service", "backends", "matches"] });

/** v1alpha1 and v1alpha2 know no `matches`. */
const SPEC_WITHOUT_MATCHES = fieldTable({ executed: ["service", "backends"] });

const BACKEND = fieldTable({ executed: ["service", "weight"] });

const MATCH = fieldTable({ executed: ["kind", "name"], accepted: ["apiGroup"] });

export const TRAFFIC_SPLIT_TABLES: Readonly<Record<string, FieldTable>> = {
  "TrafficSplit.spec": SPEC,
  "TrafficSplit.spec.backends[]": BACKEND,
  "TrafficSplit.spec.matches[]": MATCH,
};

type SpecFields = Fields<keyof typeof SPEC>;
type BackendFields = Fields<keyof typeof BACKEND>;

/** HTTPRouteGroups by `namespace/name`. */
export type RouteGroups = ReadonlyMap<string, readonly GroupMatch[]>;

/** A backend as it is written: its service may be missing. */
interface WrittenBackend {
  readonly host: string;
  readonly weight: number;
  readonly service: Service | undefined;
  readonly fields: BackendFields;
}

/**
 * The routing that a TrafficSplit asks for. One set, or one for each port of the apex service
 * where some backend lacks a port and therefore gets none of its requests.
 */
export function readTrafficSplit(
  object: KubernetesObject,
  groups: RouteGroups,
  context: DialectContext,
  diagnostics: Diagnostic[],
): HttpRouteSet[] {
  const split = Fields.ofObject(object, TRAFFIC_SPLIT, diagnostics);
  const table = /^v1alpha[12]$/.test(object.version) ? SPEC_WITHOUT_MATCHES : SPEC;
  const spec = split.requiredMapping("spec", table as typeof SPEC);
  const name = spec?.requiredString("service", { allowed: "the name of a Service" });
  if (spec === undefined || name === undefined) return [];
  const host = hostOf(name, object.namespace, context);
  const apex = context.services.find((service) => service.host === host);
  checkApex(spec, apex, name);
  const backends = readBackends(spec, context);
  for (const backend of backends) checkBackend(backend, host);
  const matches = table === SPEC ? readMatches(spec, groups) : [];
  // Every reference of `matches` is broken: nothing is split, everything goes to the service.
  if (matches === undefined || backends.length === 0) return [];
  if (apex === undefined || apex.headless) return [];
  return portGroups(apex, backends).map(({ ports, served }) => ({
    dialect: "smi",
    hosts: [host],
    ports,
    namespace: object.namespace,
    name: object.name,
    exportTo: ["*"],
    consumer: false,
    rules: [ruleOf(object.name, matches, served, split.origin())],
    unmatched: "service",
    creationTimestamp: object.creationTimestamp,
    origin: split.origin(),
  }));
}

/** SMI writes names of the split's namespace; `name.namespace` and whole names occur too. */
function hostOf(name: string, namespace: string, context: DialectContext): string {
  const suffix = `.svc.${context.settings.clusterDomain}`;
  const text = name.endsWith(".") ? name.slice(0, -1) : name;
  const parts = text.split(".");
  if (parts.length === 1) return `${text}.${namespace}${suffix}`;
  if (parts.length === 2) return `${text}${suffix}`;
  if (parts.length === 3 && parts[2] === "svc") return `${text.slice(0, -".svc".length)}${suffix}`;
  return text;
}

function checkApex(spec: SpecFields, apex: Service | undefined, name: string): void {
  if (apex === undefined) {
    spec.problem("service", {
      code: "KIA1101",
      severity: "warning",
      message: "No Service has this name, so nothing is split",
      found: name,
      hint: "add the root Service that clients call",
    });
  } else if (apex.headless) {
    spec.problem("service", {
      code: "OUT0401",
      severity: "warning",
      message: "Requests to a headless Service go to the pod that the client chose",
      found: name,
      hint: "split a Service with a cluster IP",
    });
  }
}

function readBackends(spec: SpecFields, context: DialectContext): WrittenBackend[] {
  const entries = spec.mappings("backends", BACKEND);
  if (entries.length === 0) spec.missing("backends", "at least one backend");
  const read = entries.flatMap((fields) => {
    const name = fields.requiredString("service", { allowed: "the name of a Service" });
    const weight = readWeight(fields);
    if (name === undefined || weight === undefined) return [];
    const host = hostOf(name, fields.object.namespace, context);
    const service = context.services.find((candidate) => candidate.host === host);
    return [{ host, weight, service, fields }];
  });
  const weights = wholeWeights(read.map((backend) => backend.weight));
  if (read.length > 0 && weights.every((weight) => weight === 0)) {
    spec.problem("backends", {
      code: "OUT0402",
      severity: "warning",
      message: "All weights are 0, so every request gets 503",
      allowed: "at least one weight above 0",
    });
  }
  return read.map((backend, index) => ({ ...backend, weight: weights[index] ?? 0 }));
}

/** v1alpha1 writes Kubernetes quantities, v1alpha2 whole numbers, later versions numbers. */
function readWeight(fields: BackendFields): number | undefined {
  if (!fields.has("weight")) fields.missing("weight");
  if (fields.object.version === "v1alpha2") return fields.integer("weight", { min: 0 });
  if (fields.object.version !== "v1alpha1" || typeof fields.raw("weight") === "number") {
    return fields.number("weight", { min: 0 });
  }
  return fields.parsed("weight", parseQuantity, "a quantity such as 1, 500m, 0");
}

function checkBackend({ fields, host, service, weight }: WrittenBackend, apex: string): void {
  if (host === apex) {
    fields.problem("service", {
      code: "OUT0403",
      severity: "info",
      message: "The split names its own Service: this share goes to all of its pods, unsplit",
    });
  }
  if (service !== undefined || weight === 0) return;
  fields.problem("service", {
    code: "KIA1101",
    severity: "warning",
    message: "No Service has this name; its share goes to the other backends",
    found: host,
  });
}

interface PortGroup {
  readonly ports: readonly number[] | undefined;
  readonly served: readonly WrittenBackend[];
}

function portGroups(apex: Service, backends: readonly WrittenBackend[]): PortGroup[] {
  const usable = backends.filter((backend) => backend.service !== undefined);
  const lacking = usable.some((backend) => lacksAny(backend, apex));
  if (!lacking) return [{ ports: undefined, served: usable }];
  for (const backend of usable) reportPorts(backend, apex);
  return apex.ports.map(({ port }) => ({
    ports: [port],
    served: usable.filter((backend) => exposes(backend, port)),
  }));
}

function exposes({ service }: WrittenBackend, port: number): boolean {
  return service?.ports.some((candidate) => candidate.port === port) ?? false;
}

function lacksAny(backend: WrittenBackend, apex: Service): boolean {
  return apex.ports.some(({ port }) => !exposes(backend, port));
}

function reportPorts(backend: WrittenBackend, apex: Service): void {
  const missing = apex.ports.filter(({ port }) => !exposes(backend, port));
  if (missing.length === 0) return;
  const ports = missing.map(({ port }) => port).join(", ");
  backend.fields.problem("service", {
    code: "OUT0404",
    severity: "warning",
    message: `The backend lacks port ${ports} of ${apex.name} and gets no requests to it`,
    found: backend.service?.ports.map(({ port }) => port).join(", ") ?? "no port",
    allowed: "every port of the root Service",
  });
}

/** Empty: everything matches. Undefined: there are references, and none leads to a group. */
function readMatches(spec: SpecFields, groups: RouteGroups): readonly ScopedMatch[] | undefined {
  const entries = spec.mappings("matches", MATCH);
  if (entries.length === 0) return [];
  const found = entries.flatMap((entry) => {
    if (entry.word("kind", ["HTTPRouteGroup"]) === undefined && !entry.has("kind")) {
      entry.missing("kind", "HTTPRouteGroup");
    }
    const name = entry.requiredString("name", { allowed: "the name of an HTTPRouteGroup" });
    const group = groups.get(`${entry.object.namespace}/${name}`);
    if (group === undefined && name !== undefined) {
      entry.problem("name", {
        code: "IST0101",
        severity: "warning",
        message: "No HTTPRouteGroup of this name is there, so nothing matches it",
        found: name,
      });
    }
    return (group ?? []).map(({ match }) => match);
  });
  return found.length === 0 ? undefined : found;
}

function ruleOf(
  name: string,
  matches: readonly ScopedMatch[],
  served: readonly WrittenBackend[],
  origin: Origin,
): HttpRouteSet["rules"][number] {
  const total = served.reduce((sum, { weight }) => sum + weight, 0);
  const backends = served.length > 0 && total > 0 ? served.map(backendOf) : [nobody(origin)];
  return { ...splitRule(backends, origin), name, matches };
}

function backendOf({ host, weight, fields }: WrittenBackend): Backend {
  return { ...nobody(fields.origin()), host, weight, invalidStatus: undefined };
}

/** Answers 503: what is left where no backend may get a request. */
function nobody(origin: Origin): Backend {
  return {
    host: "",
    port: undefined,
    subset: "",
    weight: 1,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    hostRewrite: "",
    invalidStatus: 503,
    origin,
  };
}
