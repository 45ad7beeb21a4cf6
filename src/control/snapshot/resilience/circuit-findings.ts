import type { Diagnostic } from "../../../base/diagnostic.ts";
import type { HttpRule } from "../../../model/http-route-set.ts";
import type { Mesh, Service } from "../../../model/mesh.ts";
import { type Origin, subjectOf } from "../../../model/origin.ts";
import {
  type CircuitIndex,
  circuitsOf,
  type HoldingCircuit,
  routeKey,
  sectionsOf,
} from "../../../model/precedence/circuit.ts";
import type { CircuitPolicy, CircuitTarget } from "../../../model/resilience/circuit-policy.ts";
import { isJudged } from "../service-view.ts";
import { absent } from "./absent.ts";
import { fallbackFindings } from "./fallback-findings.ts";

type Asked = Pick<Mesh, "circuitBreakers" | "services" | "routes" | "destinationPolicies">;

/**
 * Circuits that stand nowhere (OUT0701), that an older policy keeps from standing (OUT0702), that
 * have nothing to judge by (OUT0703), and fallbacks that lead nowhere (OUT0701, OUT0704).
 */
export function circuitFindings(mesh: Asked): readonly Diagnostic[] {
  const index = circuitsOf(mesh);
  const policies = mesh.circuitBreakers ?? [];
  return [
    ...policies.flatMap((policy) => policy.targets.flatMap((each) => missing(mesh, policy, each))),
    ...losses(index),
    ...policies.flatMap((policy) => policy.targets.flatMap((each) => unheard(mesh, policy, each))),
    ...policies.flatMap((policy) => fallbackFindings(mesh, policy)),
  ];
}

function missing(mesh: Asked, policy: CircuitPolicy, target: CircuitTarget): readonly Diagnostic[] {
  const { namespace } = policy;
  if (target.kind === "Namespace") return [];
  const there = namesThere(mesh, namespace, target.kind);
  if (!there.includes(target.name)) {
    const where = `${namespace}/${target.name}`;
    const what = "sectionName" in target ? `${where} with HTTP rules for sidecars` : where;
    const message = `There is no ${target.kind} ${what}, so no circuit stands there`;
    return [absent(target.origin, message, target.name, there)];
  }
  if (!("sectionName" in target) || target.sectionName === undefined) return [];
  const key = `${target.kind} ${namespace}/${target.name}`;
  const rules = rulesOf(mesh, key).flatMap(sectionsOf);
  if (rules.includes(target.sectionName)) return [];
  const { origin, sectionName } = target;
  const message = `No rule of ${key} has the name ${sectionName}, so no circuit stands there`;
  return [absent(origin, message, sectionName, [...new Set(rules)])];
}

/** `key`: as `routeKey` makes it. */
function rulesOf({ routes }: Asked, key: string): readonly HttpRule[] {
  return routes.flatMap(({ rules }) => rules).filter(({ origin }) => routeKey(origin) === key);
}

function namesThere(
  mesh: Asked,
  namespace: string,
  kind: Exclude<CircuitTarget["kind"], "Namespace">,
): readonly string[] {
  if (kind === "Service") {
    const own = mesh.services.filter((service) => service.namespace === namespace);
    return own.filter(({ origin }) => origin.kind !== "ServiceEntry").map(({ name }) => name);
  }
  const origins: readonly Origin[] =
    kind === "ServiceEntry"
      ? mesh.services.map(({ origin }) => origin)
      : mesh.routes.flatMap(({ rules }) => rules.map(({ origin }) => origin));
  const own = origins.filter((origin) => origin.kind === kind && origin.namespace === namespace);
  return [...new Set(own.map(({ name }) => name))];
}

function losses({ losers }: CircuitIndex): readonly Diagnostic[] {
  return losers.map(([loser, holder]) => {
    const { file, line } = holder.target.origin.position;
    const isOlder = holder.policy.creationTimestamp !== loser.policy.creationTimestamp;
    const why = isOlder ? "is older" : "comes first by its name";
    return {
      code: "OUT0702",
      severity: "warning",
      message: `${subjectOf(holder.policy.origin)} (${file}:${line}) ${why} and stands there`,
      position: loser.target.origin.position,
      subject: subjectOf(loser.policy.origin),
      path: loser.target.origin.path,
      found: nameOf(loser),
      allowed: "one policy for a target",
      hint: "remove the target from one of the two",
    };
  });
}

function nameOf({ policy, target }: HoldingCircuit): string {
  if (target.kind === "Namespace") return `Namespace ${policy.namespace}`;
  const section = "sectionName" in target ? target.sectionName : undefined;
  return `${target.kind} ${target.name}${section === undefined ? "" : ` ${section}`}`;
}

/** Of a target that is there, with nothing that a circuit could judge. */
function unheard(mesh: Asked, policy: CircuitPolicy, target: CircuitTarget): readonly Diagnostic[] {
  if ("sectionName" in target) return unforwarded(mesh, policy, target);
  const own = mesh.services.filter(
    (service) => service.namespace === policy.namespace && isMeant(service, target),
  );
  const ports = own.flatMap(({ ports: all }) => all);
  if (ports.some(isJudged)) return [];
  const isWide = target.kind === "Namespace";
  if (own.length === 0 && !isWide) return [];
  const name = isWide ? policy.namespace : target.name;
  const message = isWide
    ? `No service of Namespace ${name} is carried as HTTP, so no circuit stands there`
    : `${target.kind} ${name} is carried as TCP, or not at all, so no circuit stands there`;
  return [
    unjudged(policy, target, {
      message,
      found: ports.map(({ port, protocol }) => `${port} ${protocol}`).join(", ") || "no ports",
      allowed: "a port that speaks http, or that does not say what it speaks",
      hint: "name the Service's port http, or give it appProtocol: http",
    }),
  ];
}

/** Redirects and direct answers are the sidecar's own. */
function unforwarded(
  mesh: Asked,
  policy: CircuitPolicy,
  target: Extract<CircuitTarget, { readonly sectionName: string | undefined }>,
): readonly Diagnostic[] {
  const { kind, name, sectionName } = target;
  const meant = rulesOf(mesh, `${kind} ${policy.namespace}/${name}`).filter(
    (rule) => sectionName === undefined || sectionsOf(rule).includes(sectionName),
  );
  if (meant.length === 0 || meant.some(({ action }) => action.kind === "split")) return [];
  const what = nameOf({ policy, target });
  return [
    unjudged(policy, target, {
      message: `No rule of ${what} forwards, so no circuit stands there`,
      found: [...new Set(meant.map(({ action }) => action.kind))].join(", "),
      allowed: "a rule with destinations",
    }),
  ];
}

function unjudged(
  policy: CircuitPolicy,
  { origin }: CircuitTarget,
  said: Pick<Diagnostic, "message" | "found" | "allowed" | "hint">,
): Diagnostic {
  const { path, position } = origin;
  const subject = subjectOf(policy.origin);
  return { code: "OUT0703", severity: "warning", position, subject, path, ...said };
}

function isMeant(
  { name, origin }: Service,
  target: Extract<CircuitTarget, { readonly kind: "Namespace" | "Service" | "ServiceEntry" }>,
): boolean {
  if (target.kind === "Namespace") return true;
  const isEntry = origin.kind === "ServiceEntry";
  if (target.kind === "ServiceEntry") return isEntry && origin.name === target.name;
  return !isEntry && name === target.name;
}
