import { expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { Registry } from "../../metrics/registry.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import { CIRCUIT_DEFAULTS } from "../../model/resilience/circuit-bounds.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import type { CircuitMemory } from "./circuit-memory.ts";
import { CircuitStats } from "./circuit-stats.ts";
import { circuitTables } from "./circuit-tables.ts";
import { SharedCircuit } from "./shared-circuit.ts";
import { SharedCircuits } from "./shared-circuits.ts";

const POLICY: CircuitBreaker = {
  ...CIRCUIT_DEFAULTS,
  name: "default/ratings",
  open: { kind: "consecutiveErrors", errors: 1 },
};

/** The same route at so many ports, as a VirtualService has it. */
function configOf(ports: readonly string[]): ProxyConfig {
  const routes = ports.map((name) => ({
    name,
    virtualHosts: [{ name: "ratings", routes: [{ name: "one", circuit: POLICY }] }],
  }));
  return { clusters: [], endpoints: [], listeners: [], routes } as unknown as ProxyConfig;
}

function scene() {
  const registry = new Registry();
  const tables = circuitTables(registry);
  const circuits = new SharedCircuits(new VirtualClock(), 1, { circuits: tables, registry });
  const open = (memory: CircuitMemory | undefined) => {
    if (memory === undefined) throw new Error("the circuit has memory");
    new SharedCircuit(POLICY, memory, 0, { onTransition: () => undefined }).trip(1000);
  };
  const state = (): readonly (number | undefined)[] => {
    registry.collect();
    return [...tables.states.snapshot()].map((row) => tables.states.value(row, 0));
  };
  return { circuits, open, state, tables };
}

it("one route at two ports shows the worst of its circuits", () => {
  const { circuits, open, state } = scene();
  const { commit, memories } = circuits.prepare(configOf(["80", "8080"]));
  commit();
  expect(state()).toEqual([0]);
  open(memories.get("routes 80 ratings one"));
  expect(state()).toEqual([1]);
});

it("one route at two ports is counted for as long as one of them is there", () => {
  const { circuits, open, state } = scene();
  const { commit, memories } = circuits.prepare(configOf(["80", "8080"]));
  commit();
  open(memories.get("routes 80 ratings one"));
  circuits.prepare(configOf(["80"])).commit();
  expect(state()).toEqual([1]);
  circuits.prepare(configOf([])).commit();
  expect(state()).toEqual([]);
});

it("a thread's counts of one label set stay for as long as one of its circuits", () => {
  const { tables } = scene();
  const labels = ["default/ratings", "", "one"] as const;
  const [first, second] = [new CircuitStats(tables, labels), new CircuitStats(tables, labels)];
  first.rejected("open");
  first.remove();
  second.rejected("open");
  const counts = [...tables.rejections.snapshot()].map((row) => tables.rejections.value(row, 0));
  expect(counts.sort()).toEqual([0, 0, 2]);
  second.remove();
  expect([...tables.rejections.snapshot()]).toEqual([]);
});
