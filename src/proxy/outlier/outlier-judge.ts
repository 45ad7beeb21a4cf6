import type { OutlierDetection } from "../../model/upstream/outlier-detection.ts";
import type { Host } from "../cluster/host.ts";
import type { HostJudge } from "../cluster/host-monitor.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { Detector, type DetectorOwner, type Suspect } from "./detector.ts";
import type { EjectionKind } from "./ejection-kind.ts";
import { HostRecord, type InARow, recordCells } from "./host-record.ts";
import { ejectEvent, unejectEvent } from "./outlier-event.ts";
import { OutlierMonitor, type OutlierMonitorOwner } from "./outlier-monitor.ts";
import type { RateThresholds } from "./success-rate.ts";

/** Outlier detection of one cluster in a proxy that serves on one thread. */
export class OutlierJudge implements HostJudge, DetectorOwner {
  readonly detector: Detector;
  readonly #cluster: UpstreamCluster;
  readonly #onNotice: (notice: string) => void;
  readonly #watched = new Map<Host, Suspect>();
  readonly #hosts = new Map<Suspect, Host>();
  #changed = false;

  /** `onNotice`: hears of hosts that are ejected or come back. */
  constructor(
    cluster: UpstreamCluster,
    config: OutlierDetection,
    onNotice: (notice: string) => void,
  ) {
    const { clock, random } = cluster.context;
    this.#cluster = cluster;
    this.#onNotice = onNotice;
    this.detector = new Detector(config, { clock, random, stats: cluster.stats.outliers() }, this);
  }

  get rateThresholds(): RateThresholds {
    return this.detector.thresholds;
  }

  follow(hosts: Iterable<Host>): void {
    const listed = new Set(hosts);
    const gone = new Map<string, Suspect>();
    for (const [host, suspect] of this.#watched) {
      if (listed.has(host)) continue;
      this.#forget(host, suspect);
      gone.set(host.key, suspect);
    }
    for (const host of listed) {
      const known = this.#watched.get(host);
      if (known === undefined) this.#watch(host, gone.get(host.key));
      else known.address = host.text;
    }
  }

  onCheckPassed(host: Host): void {
    const suspect = this.#watched.get(host);
    if (suspect !== undefined) this.detector.onCheckPassed(suspect);
  }

  stop(): void {
    this.detector.stop();
    this.#watched.clear();
    this.#hosts.clear();
  }

  onEjected(suspect: Suspect, kind: EjectionKind, enforced: boolean): void {
    if (!enforced) return;
    this.#onNotice(ejectEvent(suspect, kind, enforced, this.#eventContext));
    const host = this.#hosts.get(suspect);
    if (host === undefined) return;
    host.ejected = true;
    this.#changed = true;
    // What tells of the failure is still at work in the pools.
    queueMicrotask(() => this.#drain(host));
  }

  onReturned(suspect: Suspect): void {
    this.#onNotice(unejectEvent(suspect, this.#eventContext));
    const host = this.#hosts.get(suspect);
    if (host === undefined) return;
    host.ejected = false;
    this.#changed = true;
  }

  onSettled(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.#cluster.renewBalance();
  }

  onFault(error: unknown): void {
    this.#cluster.context.faults.report(error);
  }

  get #eventContext(): Parameters<typeof unejectEvent>[1] {
    const { context, name: clusterName } = this.#cluster;
    return { clusterName, detector: this.detector, clock: context.clock };
  }

  /** `before`: what was known of the same address. */
  #watch(host: Host, before: Suspect | undefined): void {
    const record = before?.record ?? new HostRecord(recordCells(1, false), 0);
    const suspect = this.detector.add(host.text, record, before?.ejection);
    host.ejected = suspect.ejection.ejected;
    host.rates = suspect.rates;
    this.#watched.set(host, suspect);
    this.#hosts.set(suspect, host);
    const owner = new Watch(this.detector, suspect);
    host.watch(new OutlierMonitor(record, this.detector.config, owner));
  }

  #forget(host: Host, suspect: Suspect): void {
    this.#watched.delete(host);
    this.#hosts.delete(suspect);
    this.detector.remove(suspect);
  }

  /** Its idle connections may be as bad as it is. */
  #drain(host: Host): void {
    try {
      host.drain();
    } catch (error) {
      this.#cluster.context.faults.report(error);
    }
  }
}

class Watch implements OutlierMonitorOwner {
  readonly #detector: Detector;
  readonly #suspect: Suspect;

  constructor(detector: Detector, suspect: Suspect) {
    this.#detector = detector;
    this.#suspect = suspect;
  }

  onFailuresInARow(row: InARow): void {
    this.#detector.onFailuresInARow(this.#suspect, row);
  }
}
