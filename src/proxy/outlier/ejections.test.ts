import fc from "fast-check";
import { expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { Registry } from "../../metrics/registry.ts";
import { ENVOY_OUTLIER_DETECTION } from "../../model/upstream/outlier-detection.ts";
import { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import { clusterTables } from "../telemetry/envoy/cluster-tables.ts";
import { Detector, type Suspect } from "./detector.ts";
import { HostRecord, recordCells } from "./host-record.ts";
import { OutlierMonitor } from "./outlier-monitor.ts";

/** Envoy's arithmetic once more, in seconds, as its documentation tells it. */
class Told {
  readonly hosts = new Map<
    number,
    { failures: number; out: boolean; since: number; times: number }
  >();
  readonly #settings: Settings;
  now = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  get out(): number {
    return [...this.hosts.values()].filter(({ out }) => out).length;
  }

  fail(id: number): void {
    const host = this.hosts.get(id);
    if (host === undefined) return;
    host.failures++;
    if (host.failures !== this.#settings.failures || host.out) return;
    host.failures = 0;
    const { percent, always, base, most } = this.#settings;
    const share = (100 * (this.out + 1)) / this.hosts.size;
    if (share > percent && !(always && this.out === 0)) return;
    host.out = true;
    host.since = this.now;
    if (host.times * base < most + base) host.times++;
  }

  succeed(id: number): void {
    const host = this.hosts.get(id);
    if (host !== undefined) host.failures = 0;
  }

  /** A second; every tenth sweeps. */
  tick(): void {
    this.now++;
    if (this.now % 10 !== 0) return;
    const { base, most } = this.#settings;
    for (const host of this.hosts.values()) {
      if (!host.out || this.now - host.since < Math.min(host.times * base, most)) continue;
      host.out = false;
      host.since = this.now;
      host.failures = 0;
    }
    for (const host of this.hosts.values()) {
      const stayed = !host.out && host.since >= 0 && this.now - host.since >= 10;
      if (stayed && host.times > 0) host.times--;
    }
  }
}

interface Settings {
  readonly failures: number;
  readonly percent: number;
  readonly always: boolean;
  readonly base: number;
  readonly most: number;
}

/** The same with the detector itself. */
class Real {
  readonly clock = new VirtualClock();
  readonly #registry = new Registry();
  readonly #stats = new ClusterStats("c", clusterTables(this.#registry));
  readonly #detector: Detector;
  readonly #hosts = new Map<number, { suspect: Suspect; monitor: OutlierMonitor }>();

  constructor({ failures, percent, always, base, most }: Settings) {
    const config = {
      ...ENVOY_OUTLIER_DETECTION,
      consecutive5xx: failures,
      maxEjectionPercent: percent,
      alwaysEjectOneHost: always,
      baseEjectionTimeMs: base * 1000,
      maxEjectionTimeMs: most * 1000,
    };
    const random = { next: () => 0, below: () => 0 };
    const context = { clock: this.clock, random, stats: this.#stats.outliers() };
    const nobody = { onEjected: ignore, onFault, onReturned: ignore, onSettled: ignore };
    this.#detector = new Detector(config, context, nobody);
  }

  add(id: number): void {
    const record = new HostRecord(recordCells(1, false), 0);
    const suspect = this.#detector.add(String(id), record);
    const monitor = new OutlierMonitor(record, this.#detector.config, {
      onFailuresInARow: (row) => this.#detector.onFailuresInARow(suspect, row),
    });
    this.#hosts.set(id, { suspect, monitor });
  }

  remove(id: number): void {
    const host = this.#hosts.get(id);
    this.#hosts.delete(id);
    if (host !== undefined) this.#detector.remove(host.suspect);
  }

  answer(id: number, status: number): void {
    this.#hosts.get(id)?.monitor.onResponse(status, -1);
  }

  get out(): number[] {
    return [...this.#hosts].flatMap(([id, { suspect }]) => (suspect.ejection.ejected ? [id] : []));
  }

  get active(): number {
    const table = this.#registry.tables.find(({ name }) => name === "cluster_outlier");
    return table?.row(["c"]).cells[0] ?? -1;
  }
}

function onFault(error: unknown): void {
  throw error;
}

function ignore(): void {
  // Only who is out is looked at.
}

const settings: fc.Arbitrary<Settings> = fc
  .record({
    failures: fc.integer({ min: 1, max: 4 }),
    percent: fc.integer({ min: 0, max: 100 }),
    always: fc.boolean(),
    base: fc.integer({ min: 1, max: 30 }),
    more: fc.integer({ min: 0, max: 60 }),
  })
  .map(({ more, ...rest }) => ({ ...rest, most: rest.base + more }));

type Step = readonly ["fail" | "succeed" | "add" | "remove" | "wait", number];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("fail" as const), fc.nat(5)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("succeed" as const), fc.nat(5)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("add" as const), fc.nat(5)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("remove" as const), fc.nat(5)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("wait" as const), fc.nat(25)) },
);

function take(step: Step, told: Told, real: Real): void {
  const [what, n] = step;
  if (what === "fail") {
    told.fail(n);
    real.answer(n, 500);
  } else if (what === "succeed") {
    told.succeed(n);
    real.answer(n, 200);
  } else if (what === "add" && !told.hosts.has(n)) {
    told.hosts.set(n, { failures: 0, out: false, since: -1, times: 0 });
    real.add(n);
  } else if (what === "remove") {
    told.hosts.delete(n);
    real.remove(n);
  } else if (what === "wait") {
    for (let i = 0; i < n; i++) told.tick();
    real.clock.advance(n * 1000);
  }
}

it("the same hosts are out as Envoy's rules say, whatever comes", () => {
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 200 }), (chosen, steps) => {
      const told = new Told(chosen);
      const real = new Real(chosen);
      for (const one of steps) {
        take(one, told, real);
        const out = [...told.hosts].flatMap(([id, host]) => (host.out ? [id] : []));
        expect(real.out.toSorted()).toEqual(out.toSorted());
        expect(real.active).toBe(out.length);
      }
    }),
  );
});
