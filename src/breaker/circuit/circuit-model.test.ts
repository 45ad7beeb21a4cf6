/** Random runs of a circuit beside the simplest model of one, which keeps every call in a list. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CircuitState, Outcome } from "../breaker.ts";
import { type Cells, LocalCells, SharedCells } from "./cells.ts";
import { Circuit } from "./circuit.ts";
import { circuitCells } from "./circuit-cells.ts";
import type { CircuitOptions } from "./options.ts";

const WINDOW_MS = 1000;
const BUCKETS = 5;
const VOLUME = 4;
const PERCENT = 50;
const SLEEP_MS = 300;
const PROBE_TIMEOUT_MS = 200;

interface Given {
  readonly generation: number;
}

class Model {
  readonly #probes: number;
  readonly #another: boolean;
  state: CircuitState = "closed";
  forced: "no" | "open" | "closed" = "no";
  #generation = 0;
  #calls: { bucket: number; failed: boolean }[] = [];
  #openUntil = 0;
  #probesOut = 0;
  #probesGood = 0;
  #lastProbeAt = 0;

  constructor(probes: number, another: boolean) {
    this.#probes = probes;
    this.#another = another;
  }

  acquire(now: number): Given | undefined {
    if (this.forced === "open") return undefined;
    if (this.forced === "no" && this.state !== "closed" && !this.#mayProbe(now)) return undefined;
    return { generation: this.#generation };
  }

  record(outcome: Outcome, now: number, { generation }: Given): void {
    if (generation !== this.#generation) return;
    if (this.state === "closed") this.#count(outcome, now);
    else if (this.state === "halfOpen") this.#probed(outcome, now);
  }

  #mayProbe(now: number): boolean {
    const lostAt = this.#lastProbeAt + PROBE_TIMEOUT_MS;
    const full = this.#probesOut >= this.#probes;
    if (this.state === "halfOpen" && full && now >= lostAt) this.#open(lostAt);
    if (this.state === "open" && now >= this.#openUntil) this.#change("halfOpen");
    if (this.state !== "halfOpen" || this.#probesOut >= this.#probes) return false;
    this.#probesOut++;
    this.#lastProbeAt = now;
    return true;
  }

  #count(outcome: Outcome, now: number): void {
    if (outcome === "ignored") return;
    const bucket = Math.floor(now / (WINDOW_MS / BUCKETS));
    this.#calls.push({ bucket, failed: outcome !== "success" });
    const inWindow = this.#calls.filter((call) => call.bucket > bucket - BUCKETS);
    const failed = inWindow.filter((call) => call.failed).length;
    if (failed === 0 || inWindow.length < VOLUME) return;
    if (Math.floor((failed * 100) / inWindow.length) >= PERCENT) this.#open(now);
  }

  #probed(outcome: Outcome, now: number): void {
    if (outcome === "success") {
      if (++this.#probesGood >= this.#probes) {
        this.#calls = [];
        this.#change("closed");
      }
    } else if (outcome === "ignored" && this.#another) {
      if (this.#probesOut > 0) this.#probesOut--;
    } else this.#open(now);
  }

  #open(now: number): void {
    this.#openUntil = now + SLEEP_MS;
    this.#change("open");
  }

  #change(to: CircuitState): void {
    this.state = to;
    this.#generation++;
    this.#probesOut = 0;
    this.#probesGood = 0;
  }
}

type Step =
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "acquire" }
  | { readonly kind: "record"; readonly which: number; readonly outcome: Outcome }
  | { readonly kind: "force"; readonly forced: "no" | "open" | "closed" };

const outcome = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Outcome>("failure") },
  { weight: 3, arbitrary: fc.constant<Outcome>("success") },
  { weight: 1, arbitrary: fc.constantFrom<Outcome>("throttled", "ignored") },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.oneof(fc.nat({ max: 150 }), fc.constantFrom(200, 300, 1000, 2 ** 33)),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("acquire" as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("record" as const),
      which: fc.nat({ max: 6 }),
      outcome,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("force" as const),
      forced: fc.constantFrom("no" as const, "no" as const, "open" as const, "closed" as const),
    }),
  },
);

function optionsOf(probes: number, another: boolean): CircuitOptions {
  return {
    strategy: {
      kind: "errorPercentage",
      durationMs: WINDOW_MS,
      buckets: BUCKETS,
      requestVolume: VOLUME,
      errorPercentage: PERCENT,
      snapshotMs: 0,
    },
    sleepMs: SLEEP_MS,
    backoff: undefined,
    probes,
    probeTimeoutMs: PROBE_TIMEOUT_MS,
    ignoredProbe: another ? "another" : "open",
  };
}

function force(circuit: Circuit, forced: "no" | "open" | "closed"): void {
  if (forced === "open") circuit.forceOpen();
  else if (forced === "closed") circuit.forceClosed();
  else circuit.unforce();
}

/** Runs the steps on both; threads take turns where there are several circuits over the cells. */
function compare(steps: readonly Step[], circuits: readonly Circuit[], model: Model): void {
  const given: { permit: number; given: Given }[] = [];
  let now = 0;
  for (const [index, each] of steps.entries()) {
    const circuit = circuits[index % circuits.length] as Circuit;
    if (each.kind === "wait") now += each.ms;
    if (each.kind === "force") {
      model.forced = each.forced;
      force(circuit, each.forced);
    }
    if (each.kind === "acquire") {
      const permit = circuit.acquire(now);
      const expected = model.acquire(now);
      expect(permit > 0).toBe(expected !== undefined);
      if (expected !== undefined) given.push({ permit, given: expected });
    }
    if (each.kind === "record") {
      const [call] = given.splice(each.which % Math.max(1, given.length), 1);
      if (call === undefined) continue;
      circuit.record(each.outcome, now, call.permit);
      model.record(each.outcome, now, call.given);
    }
    for (const one of circuits)
      expect([one.state, one.forced]).toEqual([model.state, model.forced]);
  }
}

const LENGTH = circuitCells(optionsOf(1, false).strategy);

function shared(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(LENGTH * 4));
}

describe.each<{ name: string; threads: number; cellsOf: () => () => Cells }>([
  {
    name: "a circuit",
    threads: 1,
    cellsOf: () => {
      const cells = new LocalCells(LENGTH);
      return () => cells;
    },
  },
  {
    name: "a circuit of three threads",
    threads: 3,
    cellsOf: () => {
      const numbers = shared();
      return () => new SharedCells(numbers);
    },
  },
])("$name", ({ threads, cellsOf }) => {
  it("does at each step what the model does", () => {
    const reached = new Set<CircuitState>();
    const listener = { onTransition: (_: CircuitState, to: CircuitState) => reached.add(to) };
    const run = fc.property(
      fc.array(step, { minLength: 20, maxLength: 200 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      (steps, probes, another) => {
        const cells = cellsOf();
        const options = optionsOf(probes, another);
        const circuits = Array.from(
          { length: threads },
          () => new Circuit(cells(), 0, options, listener, () => 0),
        );
        compare(steps, circuits, new Model(probes, another));
      },
    );
    fc.assert(run, { numRuns: 400 });
    expect([...reached].sort()).toEqual(["closed", "halfOpen", "open"]);
  });
});
