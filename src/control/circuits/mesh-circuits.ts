import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import { routePlace } from "../../model/resilience/circuit-place.ts";
import type { Snapshot } from "../server/snapshot-source.ts";
import type { CircuitKey } from "./circuit-board.ts";

/** By policy and place. */
type Circuits = ReadonlyMap<string, CircuitBreaker>;

const KNOWN = new WeakMap<Snapshot, Circuits>();

/** The circuit of a proxy's configuration that is the whole mesh's; undefined: it has none such. */
export function meshCircuitOf(
  snapshot: Snapshot,
  { circuit, place }: CircuitKey,
): CircuitBreaker | undefined {
  const circuits = KNOWN.get(snapshot) ?? circuitsOf(snapshot);
  KNOWN.set(snapshot, circuits);
  return circuits.get(`${circuit} ${place}`);
}

function circuitsOf({ clusters, routes }: Snapshot): Circuits {
  const found = new Map<string, CircuitBreaker>();
  const note = (name: string, circuit: CircuitBreaker | undefined): void => {
    if (circuit?.scope === "mesh") found.set(`${circuit.name} ${name}`, circuit);
  };
  for (const { name, circuit } of clusters) note(name, circuit);
  for (const { virtualHosts } of routes) {
    for (const { name: host, routes: own } of virtualHosts) {
      for (const [i, route] of own.entries()) note(routePlace(route, host, i), route.circuit);
    }
  }
  return found;
}
