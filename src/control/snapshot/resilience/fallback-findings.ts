import type { Diagnostic } from "../../../base/diagnostic.ts";
import type { Mesh, Service } from "../../../model/mesh.ts";
import { subjectOf } from "../../../model/origin.ts";
import { circuitsOf } from "../../../model/precedence/circuit.ts";
import { hostMatches } from "../../../model/precedence/host.ts";
import type { CircuitPolicy, PolicyFallback } from "../../../model/resilience/circuit-policy.ts";
import { isJudged } from "../service-view.ts";
import { absent } from "./absent.ts";

type Asked = Pick<Mesh, "circuitBreakers" | "services" | "destinationPolicies">;
type ServiceFallback = Extract<PolicyFallback, { readonly kind: "service" }>;

/** Fallbacks to what is not there (OUT0701), to the guarded itself, and unseen ones (OUT0704). */
export function fallbackFindings(mesh: Asked, policy: CircuitPolicy): readonly Diagnostic[] {
  const { fallback } = policy;
  if (fallback?.kind !== "service") return [];
  const services = mesh.services.filter(({ host }) => host === fallback.host);
  const [service] = services;
  if (service === undefined) {
    const message = `There is no service ${fallback.host} to fall back to`;
    const there = [...new Set(mesh.services.map(({ host }) => host))];
    return [absent(fallback.origin, message, fallback.host, there)];
  }
  return [
    ...missingPort(fallback, services),
    ...missingSubset(mesh, fallback),
    ...uncalledPorts(mesh, policy, fallback, services),
    ...toItself(mesh, policy, fallback, services),
    ...unseen(policy, fallback, service),
  ];
}

function missingPort(
  { host, origin, port }: ServiceFallback,
  services: readonly Service[],
): readonly Diagnostic[] {
  const ports = services.flatMap((service) => service.ports.map((each) => each.port));
  if (port === undefined || ports.includes(port)) return [];
  return [absent(origin, `${host} has no port ${port}`, String(port), ports.map(String))];
}

/** Without a port of its own it is the one called, which a service of several may lack. */
function uncalledPorts(
  mesh: Asked,
  policy: CircuitPolicy,
  { host, origin, port }: ServiceFallback,
  services: readonly Service[],
): readonly Diagnostic[] {
  const there = new Set(services.flatMap((service) => service.ports.map((each) => each.port)));
  if (port !== undefined || there.size < 2) return [];
  const index = circuitsOf(mesh);
  const guarded = mesh.services.filter((each) => index.ofService(each)?.policy === policy);
  const without = guarded.flatMap(({ name, ports }) =>
    ports
      .filter((each) => isJudged(each) && !there.has(each.port))
      .map((each) => ({ name, port: each.port })),
  );
  const found = without.map((each) => `port ${each.port} of ${each.name}`).join(", ");
  if (found === "") return [];
  return [
    {
      code: "OUT0704",
      severity: "warning",
      message: `Calls to ${found} have no fallback: ${host} has no such port, and several others`,
      position: origin.position,
      subject: subjectOf(policy.origin),
      path: origin.path,
      found: "no port",
      allowed: [...there].join(", "),
      hint: "write fallback.service.port",
    },
  ];
}

function missingSubset(
  mesh: Asked,
  { host, origin, subset }: ServiceFallback,
): readonly Diagnostic[] {
  if (subset === "") return [];
  const subsets = mesh.destinationPolicies
    .filter((rule) => hostMatches(rule.host, host))
    .flatMap((rule) => rule.subsets.map(({ name }) => name));
  if (subsets.includes(subset)) return [];
  const message = `No DestinationRule names a subset ${subset} of ${host}`;
  return [absent(origin, message, subset, [...new Set(subsets)])];
}

/** A subset may help out the others, but nothing helps out itself. */
function toItself(
  mesh: Asked,
  policy: CircuitPolicy,
  { host, origin, subset }: ServiceFallback,
  services: readonly Service[],
): readonly Diagnostic[] {
  const index = circuitsOf(mesh);
  const isGuarded = services.some((each) => index.ofService(each)?.policy === policy);
  if (subset !== "" || !isGuarded) return [];
  return [
    {
      code: "OUT0704",
      severity: "warning",
      message: `Calls to ${host} have no fallback: it would be the service that just failed`,
      position: origin.position,
      subject: subjectOf(policy.origin),
      path: origin.path,
      found: host,
      allowed: "another service, or a subset",
      hint: "name a subset, or another service",
    },
  ];
}

/** Clients elsewhere are guarded too, and do not see the fallback. */
function unseen(
  policy: CircuitPolicy,
  { host, origin }: ServiceFallback,
  { exportTo }: Service,
): readonly Diagnostic[] {
  if (exportTo.includes("*")) return [];
  return [
    {
      code: "OUT0704",
      severity: "warning",
      message: `Clients outside ${exportTo.join(", ")} do not see ${host}, and have no fallback`,
      position: origin.position,
      subject: subjectOf(policy.origin),
      path: origin.path,
      found: `exportTo ${exportTo.join(", ")}`,
      allowed: "a service that is exported to all of its clients",
    },
  ];
}
