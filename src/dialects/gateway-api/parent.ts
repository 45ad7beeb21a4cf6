import type { HttpRouteSet, HttpRule } from "../../model/http-route-set.ts";
import type { Service } from "../../model/mesh.ts";
import type { DialectContext } from "../dialect.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import type { Fields } from "../kubernetes/fields.ts";
import { DNS_LABEL } from "../kubernetes/metadata.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { API_GROUP, API_KIND } from "./backend.ts";
import { HOSTNAME } from "./filter/filter.ts";

const PARENT = fieldTable({
  executed: ["group", "kind", "namespace", "name", "sectionName", "port"],
});

export const PARENT_TABLES: Readonly<Record<string, FieldTable>> = {
  "spec.parentRefs[]": PARENT,
};

type ParentFields = Fields<keyof typeof PARENT>;

/** A Service that the route is attached to. */
export interface Parent {
  readonly host: string;
  readonly namespace: string;
  readonly service: Service;
  /** Undefined: all. */
  readonly ports: readonly number[] | undefined;
}

/** The Services that a route names (GAMMA, GEP-1294). */
export function readParents<Name extends string>(
  spec: Fields<Name | "parentRefs" | "hostnames">,
  context: DialectContext,
): readonly Parent[] {
  const references = spec.mappings("parentRefs", PARENT, 32);
  checkRepeated(references);
  const parents = references.flatMap((parent) => readParent(parent, context) ?? []);
  readHostnames(spec, parents.length > 0);
  return parents;
}

/** The route as one of its parents has it. */
export function routeSetOf(
  object: KubernetesObject,
  parent: Parent,
  rules: readonly HttpRule[],
): HttpRouteSet {
  const consumer = parent.namespace !== object.namespace;
  return {
    dialect: "gateway-api",
    hosts: [parent.host],
    ports: parent.ports,
    namespace: object.namespace,
    name: object.name,
    exportTo: consumer ? [object.namespace] : ["*"],
    consumer,
    rules,
    unmatched: "notFound",
    creationTimestamp: object.creationTimestamp,
    origin: object.origin(),
  };
}

/** A Service's route ignores hostnames: whoever calls the Service is meant. */
function readHostnames<Name extends string>(
  spec: Fields<Name | "hostnames">,
  attached: boolean,
): void {
  const pattern = new RegExp(`^(\\*\\.)?${HOSTNAME.source.slice(1)}`);
  const names = spec.strings("hostnames", {
    pattern,
    lengthMax: 253,
    allowed: "a DNS name, or *.name",
  });
  if (names.length === 0 || !attached) return;
  spec.notExecuted("hostnames", "Hostnames do not count for a route of a Service (GEP-1294)");
}

/** One parent may be named several times only for different sections or ports. */
function checkRepeated(references: readonly ParentFields[]): void {
  for (const [index, parent] of references.entries()) {
    const others = references.slice(0, index).filter((other) => isSameParent(other, parent));
    const clash = others.some((other) => {
      const sections = [other, parent].map(sectionOf);
      return sections[0] === sections[1] || sections.includes(WHOLE_PARENT);
    });
    if (!clash) continue;
    const message = "The parent is named twice for the same section or port";
    parent.problemAt([], { message, allowed: "a sectionName or port of its own in each" });
  }
}

function isSameParent(left: ParentFields, right: ParentFields): boolean {
  const keys = [left, right].map((parent) =>
    JSON.stringify([
      parent.raw("group") ?? null,
      parent.raw("kind") ?? "Gateway",
      parent.raw("namespace") ?? parent.object.namespace,
      parent.raw("name"),
    ]),
  );
  return keys[0] === keys[1];
}

const WHOLE_PARENT = " 0";

function sectionOf(parent: ParentFields): string {
  return `${parent.raw("sectionName") ?? ""} ${parent.raw("port") ?? 0}`;
}

function readParent(parent: ParentFields, context: DialectContext): Parent | undefined {
  const group = parent.string("group", { pattern: API_GROUP, allowed: "an API group" });
  const kind = parent.string("kind", { pattern: API_KIND, allowed: "a kind" }) ?? "Gateway";
  const name = parent.requiredString("name", { allowed: "the name of a Service" });
  const rule = { pattern: DNS_LABEL, allowed: "a namespace" };
  const namespace = parent.string("namespace", rule) ?? parent.object.namespace;
  const port = parent.integer("port", { min: 1, max: 65_535 });
  const section = parent.string("sectionName");
  if (kind !== "Service" || (group !== "" && group !== "core")) {
    reportParent(parent, kind);
    return undefined;
  }
  if (name === undefined) return undefined;
  const host = `${name}.${namespace}.svc.${context.settings.clusterDomain}`;
  const service = context.services.find((candidate) => candidate.host === host);
  checkService(parent, service, host);
  if (service === undefined) return undefined;
  return { host, namespace, service, ports: readPorts(parent, service, port, section) };
}

function reportParent(parent: ParentFields, kind: string): void {
  parent.problemAt([], {
    code: "OUT0502",
    severity: "warning",
    message: `A parent of kind ${kind} is read but not executed`,
    found: `${kind} ${parent.raw("name") ?? ""}`.trim(),
    allowed: 'group: "", kind: Service',
  });
}

function checkService(parent: ParentFields, service: Service | undefined, host: string): void {
  if (service === undefined) {
    const message = "No Service has this name, so the route is attached to nothing";
    parent.problem("name", { code: "IST0101", severity: "warning", message, found: host });
  } else if (service.headless) {
    const message = "Requests to a headless Service go to the pod that the client chose";
    parent.problem("name", { code: "OUT0503", severity: "warning", message, found: host });
  }
}

/** `port` and `sectionName` narrow the route to one port; one that is not there matches nothing. */
function readPorts(
  parent: ParentFields,
  service: Service,
  port: number | undefined,
  section: string | undefined,
): readonly number[] | undefined {
  if (port === undefined && section === undefined) return undefined;
  const ports = service.ports
    .filter((candidate) => port === undefined || candidate.port === port)
    .filter((candidate) => section === undefined || candidate.name === section)
    .map((candidate) => candidate.port);
  if (ports.length === 0) {
    const field = port === undefined ? "sectionName" : "port";
    parent.problem(field, {
      code: "OUT0503",
      severity: "warning",
      message: "The Service has no such port, so the route is attached to nothing",
      found: String(parent.raw(field)),
      allowed: service.ports.map(({ name, port: number }) => `${number} ${name}`.trim()).join(", "),
    });
  }
  return ports;
}

/** Ports that a client may address; 80 stands for a Service that has none. */
export function portsOf({ service, ports }: Parent): readonly number[] {
  const all = service.ports.map(({ port }) => port);
  const meant = all.filter((port) => ports?.includes(port) ?? true);
  return meant.length === 0 ? [80] : meant;
}
