import { expect, it } from "vitest";
import { edsCluster } from "../../../../test/support/sample-snapshot.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { Registry } from "../../../metrics/registry.ts";
import type { ProxyConfig } from "../../../model/bootstrap.ts";
import { CIRCUIT_DEFAULTS } from "../../../model/resilience/circuit-bounds.ts";
import type { CircuitBreaker } from "../../../model/resilience/circuit-breaker.ts";
import { circuitTables } from "../circuit-tables.ts";
import { SharedCircuit } from "../shared-circuit.ts";
import { SharedCircuits } from "../shared-circuits.ts";

const POLICY: CircuitBreaker = {
  ...CIRCUIT_DEFAULTS,
  name: "default/ratings",
  open: { kind: "consecutiveErrors", errors: 2 },
  sleepMs: 5000,
  scope: "mesh",
};
const KEY = { circuit: POLICY.name, place: "ratings" };
const NOBODY = { onTransition: () => undefined };

function configOf(circuit: CircuitBreaker): ProxyConfig {
  const clusters = [edsCluster("ratings", { circuit })];
  return { clusters, endpoints: [], listeners: [], routes: [] };
}

/** The circuits of a proxy, and the one of a worker's thread. */
function proxy(policy: CircuitBreaker = POLICY) {
  const registry = new Registry();
  const clock = new VirtualClock();
  clock.advance(1_000_000);
  const circuits = new SharedCircuits(clock, 1, { circuits: circuitTables(registry), registry });
  const { commit, memories } = circuits.prepare(configOf(policy));
  commit();
  const memory = memories.get("cluster ratings");
  if (memory === undefined) throw new Error("the circuit has memory");
  const worker = new SharedCircuit(policy, memory, 0, NOBODY);
  const call = (outcome: "success" | "failure"): number => {
    const permit = worker.acquire(clock.now());
    if (permit !== 0) worker.record(outcome, clock.now(), permit);
    return permit;
  };
  return { circuits, clock, worker, call };
}

it("what calls do to a circuit is news once, and only what others shall do", () => {
  const { call, circuits, clock } = proxy();
  expect(circuits.news()).toEqual([]);
  call("failure");
  call("failure");
  expect(circuits.openByItself()).toEqual([{ ...KEY, state: "open" }]);
  expect(circuits.news()).toEqual([{ ...KEY, state: "open" }]);
  expect(circuits.news()).toEqual([]);
  clock.advance(5000);
  call("success");
  expect(circuits.news()).toEqual([{ ...KEY, state: "closed" }]);
});

it("what others have found is no news, and opens for as long as theirs is open", () => {
  const { call, circuits, clock, worker } = proxy();
  circuits.openFor(KEY, 2000);
  expect(worker.state).toBe("open");
  expect(call("success")).toBe(0);
  expect(circuits.news()).toEqual([]);
  expect(circuits.openByItself()).toEqual([]);
  clock.advance(2000);
  expect(call("success")).not.toBe(0);
  expect(worker.state).toBe("closed");
});

it("sleeps on where another proxy has tried in vain, and no longer than it would itself", () => {
  const { call, circuits, clock, worker } = proxy();
  circuits.openFor(KEY, 2000);
  clock.advance(1900);
  circuits.openFor(KEY, 4_000_000_000);
  clock.advance(4999);
  expect([worker.state, call("success")]).toEqual(["open", 0]);
  clock.advance(1);
  expect(call("success")).not.toBe(0);
  expect(worker.state).toBe("closed");
  expect(circuits.news()).toEqual([{ ...KEY, state: "closed" }]);
});

it("closes when another proxy's probes have succeeded", () => {
  const { circuits, worker } = proxy();
  circuits.openFor(KEY, 5000);
  circuits.close(KEY);
  expect(worker.state).toBe("closed");
  expect(circuits.news()).toEqual([]);
});

it("a circuit that is each caller's own neither tells nor hears", () => {
  const { call, circuits, worker } = proxy({ ...POLICY, scope: "caller" });
  expect(circuits.any).toBe(false);
  circuits.openFor(KEY, 5000);
  expect(worker.state).toBe("closed");
  call("failure");
  call("failure");
  expect(worker.state).toBe("open");
  expect(circuits.news()).toEqual([]);
});
