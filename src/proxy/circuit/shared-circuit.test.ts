import { describe, expect, it } from "vitest";
import type { CircuitState } from "../../breaker/breaker.ts";
import { CIRCUIT_DEFAULTS } from "../../model/resilience/circuit-bounds.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import { circuitMemory } from "./circuit-memory.ts";
import { NO_WORKER, SharedCircuit } from "./shared-circuit.ts";

const POLICY: CircuitBreaker = { ...CIRCUIT_DEFAULTS, name: "default/ratings" };
const NOBODY = { onTransition: () => undefined };
/** Of the clock that all threads share. */
const START = 1_000_000;

/** One circuit as so many threads have it, and what each of them did to it. */
function threads(count: number, more: Partial<CircuitBreaker> = {}) {
  const policy = { ...POLICY, ...more };
  const memory = circuitMemory(policy, count);
  const told: string[] = [];
  const onTransition = (from: CircuitState, to: CircuitState): void => {
    told.push(`${from} ${to}`);
  };
  const circuits = Array.from(
    { length: count },
    (_, worker) => new SharedCircuit(policy, memory, worker, { onTransition }),
  );
  const main = new SharedCircuit(policy, memory, NO_WORKER, NOBODY);
  const at = (worker: number): SharedCircuit => {
    const circuit = circuits[worker];
    if (circuit === undefined) throw new Error(`no worker ${worker}`);
    return circuit;
  };
  return { at, main, told };
}

function fails(circuit: SharedCircuit, now: number): void {
  circuit.record("failure", now, circuit.acquire(now));
}

describe("a circuit of two threads", () => {
  it("opens by the calls of both, and is open for both", () => {
    const { at, main, told } = threads(2);
    for (let i = 0; i < 19; i++) fails(at(i % 2), START + i);
    expect(at(0).state).toBe("closed");
    expect(main.total(START + 19)).toBe(19);
    fails(at(1), START + 19);
    expect([at(0).acquire(START + 20), at(1).acquire(START + 20)]).toEqual([0, 0]);
    expect(main.state).toBe("open");
    expect(told).toEqual(["closed open"]);
  });

  it("lets one probe through for both, and closes for both", () => {
    const { at, told } = threads(2);
    for (let i = 0; i < 20; i++) fails(at(0), START);
    const later = START + POLICY.sleepMs;
    expect(at(1).acquire(later - 1)).toBe(0);
    const probe = at(1).acquire(later);
    expect(probe).not.toBe(0);
    expect(at(0).acquire(later)).toBe(0);
    at(1).record("success", later + 10, probe);
    expect(at(0).state).toBe("closed");
    expect(at(0).acquire(later + 11)).not.toBe(0);
    expect(told).toEqual(["closed open", "open halfOpen", "halfOpen closed"]);
  });

  it("counts failures in a row over both", () => {
    const { at } = threads(2, { open: { kind: "consecutiveErrors", errors: 4 } });
    for (let i = 0; i < 3; i++) fails(at(i % 2), START);
    at(0).record("success", START, at(0).acquire(START));
    for (let i = 0; i < 3; i++) fails(at(i % 2), START);
    expect(at(1).state).toBe("closed");
    fails(at(0), START);
    expect(at(1).state).toBe("open");
  });

  it("gives a probe back that its caller gave up", () => {
    const { at } = threads(2);
    for (let i = 0; i < 20; i++) fails(at(0), START);
    const later = START + POLICY.sleepMs;
    at(0).record("ignored", later, at(0).acquire(later));
    expect(at(1).acquire(later)).not.toBe(0);
  });

  it("gives back what a thread had that has ended, and nothing twice", () => {
    const { at, main } = threads(2, { probes: 2 });
    for (let i = 0; i < 20; i++) fails(at(0), START);
    const later = START + POLICY.sleepMs;
    const mine = at(0).acquire(later);
    expect(at(1).acquire(later)).toBe(mine);
    expect(at(1).acquire(later)).toBe(0);
    for (let i = 0; i < 3; i++) expect(at(1).takeCall(10)).toBe(true);
    expect(at(0).takeCall(10)).toBe(true);
    main.releaseAll(1, later);
    main.releaseAll(1, later);
    expect(main.calls).toBe(1);
    expect(at(0).acquire(later)).toBe(mine);
    expect(at(0).acquire(later)).toBe(0);
  });

  it("keeps its probes apart from those of an earlier time", () => {
    const { at, main } = threads(2);
    for (let i = 0; i < 20; i++) fails(at(0), START);
    const first = START + POLICY.sleepMs;
    const early = at(1).acquire(first);
    const second = first + 60_000;
    // The first probe never came back: it has failed, and a new one is tried later.
    expect(at(0).acquire(second)).not.toBe(0);
    main.releaseAll(1, second);
    expect(at(0).acquire(second)).toBe(0);
    at(1).record("success", second, early);
    expect(main.state).toBe("halfOpen");
  });

  it("notes each change once, with its time and its counts", () => {
    const { at, main } = threads(2);
    for (let i = 0; i < 30; i++) fails(at(i % 2), START + i);
    const later = START + 19 + POLICY.sleepMs;
    at(1).record("success", later + 5, at(1).acquire(later));
    const changes = main.history.read();
    expect(changes.map(({ from, to, at: time }) => [from, to, time - START])).toEqual([
      ["closed", "open", 19],
      ["open", "halfOpen", later - START],
      ["halfOpen", "closed", later - START + 5],
    ]);
    expect(changes[0]).toMatchObject({ total: 20, failed: 20, told: false });
  });

  it("keeps the last changes where there were many", () => {
    const { at, main } = threads(1, { open: { kind: "consecutiveErrors", errors: 1 }, sleepMs: 1 });
    for (let i = 0; i < 100; i++) fails(at(0), START + i * 2);
    const changes = main.history.read();
    expect(changes).toHaveLength(32);
    expect(changes.map(({ number }) => number)).toEqual(
      changes.map((_, i) => main.history.count - 31 + i),
    );
  });

  it("holds calls at one time to their number, over both", () => {
    const { at, main } = threads(2);
    expect([at(0).takeCall(2), at(1).takeCall(2), at(0).takeCall(2)]).toEqual([true, true, false]);
    expect(main.calls).toBe(2);
    at(1).releaseCall();
    expect(at(0).takeCall(2)).toBe(true);
    expect(at(1).takeCall(2)).toBe(false);
  });

  it("opens and closes when another proxy says so", () => {
    const { at, main } = threads(1);
    main.trip(START);
    expect(at(0).acquire(START + 1)).toBe(0);
    main.close(START + 2);
    expect(at(0).acquire(START + 3)).not.toBe(0);
    expect(main.history.read().map(({ told }) => told)).toEqual([true, true]);
  });
});
