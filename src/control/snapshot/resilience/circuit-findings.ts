import type { Diagnostic } from "../../../base/diagnostic.ts";
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
import { carriageOf } from "../service-view.ts";
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
    const message = `There is no ${target.kind} ${where}, so no circuit stands there`;
    return [absent(target.origin, message, target.name, there)];
  }
  if (!("sectionName" in target) || target.sectionName === undefined) return [];
  const key = `${target.kind} ${namespace}/${target.name}`;
  const rules = mesh.routes
    .flatMap((set) => set.rules)
    .filter(({ origin }) => routeKey(origin) === key)
    .flatMap(sectionsOf);
  if (rules.includes(target.sectionName)) return [];
  const { origin, sectionName } = target;
  const message = `No rule of ${key} has the name ${sectionName}, so no circuit stands there`;
  return [absent(origin, message, sectionName, [...new Set(rules)])];
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
    return {
      code: "OUT0702",
      severity: "warning",
      message: `${subjectOf(holder.policy.origin)} (${file}:${line}) is older and stands there`,
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

/** Of a service that is carried as TCP. */
function unheard(mesh: Asked, policy: CircuitPolicy, target: CircuitTarget): readonly Diagnostic[] {
  if (target.kind !== "Service" && target.kind !== "ServiceEntry") return [];
  const own = mesh.services.filter(
    (service) => service.namespace === policy.namespace && isMeant(service, target),
  );
  const ports = own.flatMap(({ ports: all }) => all);
  if (ports.length === 0 || ports.some((port) => carriageOf(port) !== "tcp")) return [];
  return [
    {
      code: "OUT0703",
      severity: "warning",
      message: `${target.kind} ${target.name} is carried as TCP, so no circuit stands there`,
      position: target.origin.position,
      subject: subjectOf(policy.origin),
      path: target.origin.path,
      found: ports.map(({ port, protocol }) => `${port} ${protocol}`).join(", "),
      allowed: "a port that speaks http, or that does not say what it speaks",
      hint: "name the Service's port http, or give it appProtocol: http",
    },
  ];
}

function isMeant(
  { name, origin }: Service,
  target: Extract<CircuitTarget, { readonly kind: "Service" | "ServiceEntry" }>,
): boolean {
  if (target.kind === "ServiceEntry") return origin.name === target.name;
  return origin.kind !== "ServiceEntry" && name === target.name;
}
