import type { Diagnostic } from "../../base/diagnostic.ts";
import type { HttpRule } from "../../model/http-route-set.ts";
import type { Mesh, Service } from "../../model/mesh.ts";
import { subjectOf } from "../../model/origin.ts";
import {
  type CircuitIndex,
  circuitsOf,
  type HoldingCircuit,
} from "../../model/precedence/circuit.ts";
import { trapAt } from "./trap.ts";

type Asked = Pick<Mesh, "circuitBreakers" | "routes" | "services">;

/**
 * A service's circuit that no call passes, since each rule on the way to it has one: OUT0832. A
 * namespace's is meant for what has none of its own, and is no matter.
 */
export function coveredCircuits(mesh: Asked): readonly Diagnostic[] {
  const index = circuitsOf(mesh);
  if (index.isEmpty) return [];
  return mesh.services.flatMap((service) => {
    const holding = index.ofService(service);
    if (holding === undefined || holding.target.kind === "Namespace") return [];
    const over = coverOf(mesh, index, service);
    if (over.length === 0 || over.some(({ policy }) => policy === holding.policy)) return [];
    return [covered(service, holding, over)];
  });
}

/** The circuits of all rules that lead to a service; empty where calls get there without one. */
function coverOf(
  { routes }: Asked,
  index: CircuitIndex,
  { host, ports }: Service,
): readonly HoldingCircuit[] {
  const own = routes.filter((set) => set.hosts.includes(host) && set.exportTo.includes("*"));
  const isWhole = own.some((set) => {
    const holds = set.ports === undefined || ports.every(({ port }) => set.ports?.includes(port));
    return holds && !set.consumer && set.unmatched === "notFound";
  });
  if (!isWhole) return [];
  const leading = [
    ...own.flatMap(({ rules }) => rules),
    ...routes.flatMap(({ rules }) => rules.filter((rule) => leadsTo(rule, host))),
  ].filter(({ action }) => action.kind === "split");
  const found = leading.map((rule) => index.ofRule(rule));
  return found.includes(undefined) ? [] : found.filter((each) => each !== undefined);
}

function leadsTo({ action }: HttpRule, host: string): boolean {
  return action.kind === "split" && action.backends.some((backend) => backend.host === host);
}

function covered(
  { name }: Service,
  { policy, target }: HoldingCircuit,
  over: readonly HoldingCircuit[],
): Diagnostic {
  const policies = [...new Set(over.map((each) => subjectOf(each.policy.origin)))].join(", ");
  return trapAt(
    { ...policy.origin, position: target.origin.position, path: target.origin.path },
    {
      code: "OUT0832",
      message:
        `Calls to ${name} pass ${policies} at their rules, and one circuit judges a call: this ` +
        "one guards nothing, its bulkhead included",
      found: `${target.kind} ${name}`,
      allowed: "one policy on the way of a call",
      hint: "remove this target, or the route's, or say the bulkhead there",
    },
  );
}
