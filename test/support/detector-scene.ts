/** A cluster under outlier detection, in virtual time. */
import { VirtualClock } from "../../src/base/clock.ts";
import type { Random } from "../../src/base/random.ts";
import { Registry } from "../../src/metrics/registry.ts";
import {
  ENVOY_OUTLIER_DETECTION,
  type OutlierDetection,
} from "../../src/model/upstream/outlier-detection.ts";
import { Detector, type DetectorOwner, type Suspect } from "../../src/proxy/outlier/detector.ts";
import { HostRecord, type InARow, recordCells } from "../../src/proxy/outlier/host-record.ts";
import { OutlierMonitor } from "../../src/proxy/outlier/outlier-monitor.ts";
import { ClusterStats } from "../../src/proxy/telemetry/envoy/cluster-stats.ts";
import { clusterTables } from "../../src/proxy/telemetry/envoy/cluster-tables.ts";

/** Any host may go. */
export const EVERY_HOST: Partial<OutlierDetection> = { maxEjectionPercent: 100 };

/** Draws that are always this share of what is possible. */
export function drawing(share: number): Random {
  return { next: () => share, below: (bound) => Math.floor(share * bound) };
}

/** A cluster of so many hosts, by numbers. */
export class DetectorScene implements DetectorOwner {
  readonly clock: VirtualClock = new VirtualClock();
  readonly detector: Detector;
  readonly log: string[] = [];
  readonly #registry = new Registry();
  readonly #suspects: Suspect[] = [];
  readonly #monitors: OutlierMonitor[] = [];

  constructor(hosts: number, config: Partial<OutlierDetection> = {}, random: Random = drawing(0)) {
    const stats = new ClusterStats("c", clusterTables(this.#registry)).outliers();
    const full = { ...ENVOY_OUTLIER_DETECTION, ...config };
    this.detector = new Detector(full, { clock: this.clock, random, stats }, this);
    for (let host = 0; host < hosts; host++) this.add();
  }

  add(): void {
    const record = new HostRecord(recordCells(1, false), 0);
    const suspect = this.detector.add(String(this.#suspects.length), record);
    this.#suspects.push(suspect);
    const owner = {
      onFailuresInARow: (row: InARow) => this.detector.onFailuresInARow(suspect, row),
    };
    this.#monitors.push(new OutlierMonitor(record, this.detector.config, owner));
  }

  remove(host: number): void {
    this.detector.remove(this.suspect(host));
  }

  suspect(host: number): Suspect {
    const suspect = this.#suspects[host];
    if (suspect === undefined) throw new Error(`no host ${host}`);
    return suspect;
  }

  monitor(host: number): OutlierMonitor {
    const monitor = this.#monitors[host];
    if (monitor === undefined) throw new Error(`no host ${host}`);
    return monitor;
  }

  /** So many answers of this status; as gRPC status where the third is given. */
  answers(host: number, status: number, times = 1, grpcStatus = -1): void {
    for (let i = 0; i < times; i++) this.monitor(host).onResponse(status, grpcStatus);
  }

  /** Who is out. */
  get out(): number[] {
    return this.#suspects.flatMap(({ ejection }, host) => (ejection.ejected ? [host] : []));
  }

  /** What Envoy's statistics say, of those that are not 0. */
  get counted(): Record<string, number> {
    const counted: Record<string, number> = {};
    for (const table of this.#registry.tables) {
      if (table.name !== "cluster_outlier") continue;
      for (const [i, { stat }] of table.columns.entries()) {
        const value = table.row(["c"]).cells[i] ?? 0;
        if (value !== 0) counted[stat.replace("outlier_detection.ejections_", "")] = value;
      }
    }
    return counted;
  }

  onEjected({ address }: Suspect, kind: string, enforced: boolean): void {
    this.log.push(`${enforced ? "-" : "?"}${address} ${kind}`);
  }

  onReturned({ address }: Suspect): void {
    this.log.push(`+${address}`);
  }

  onFault(error: unknown): void {
    throw error;
  }

  onSettled(): void {
    // What happened stands in the log.
  }
}
