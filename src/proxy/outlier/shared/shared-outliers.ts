import type { Clock } from "../../../base/clock.ts";
import { type Random, systemRandom } from "../../../base/random.ts";
import { LOGICAL } from "../../cluster/listed-endpoints.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import { Detector, type DetectorOwner, type Suspect } from "../detector.ts";
import type { EjectionKind } from "../ejection-kind.ts";
import { HostRecord, type InARow, recordCells } from "../host-record.ts";
import { ejectEvent, unejectEvent } from "../outlier-event.ts";
import type { RateThresholds, SuccessRates } from "../success-rate.ts";
import type {
  FreshHost,
  HostOrder,
  JudgedCluster,
  OutlierNews,
  OutlierOrders,
} from "./outlier-message.ts";

export interface SharedOutliersOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Tells the worker of a slot. */
  readonly tell: (slot: number, orders: OutlierOrders) => void;
  readonly onNotice: (notice: string) => void;
}

/**
 * Outlier detection of a proxy with several workers: they count into shared cells, and the main
 * thread alone decides, as in Envoy. What is known of a cluster lasts as long as a worker has it.
 */
export class SharedOutliers {
  readonly #options: SharedOutliersOptions;
  readonly #clusters = new Map<string, SharedCluster>();
  /** By slot, by the worker's own numbers. */
  readonly #judges = new Map<number, Map<number, SharedCluster>>();

  constructor(options: SharedOutliersOptions) {
    this.#options = options;
  }

  hear(slot: number, news: OutlierNews): void {
    if (news.kind === "open") {
      this.#open(slot, news.judge, news.cluster);
      return;
    }
    const cluster = this.#judges.get(slot)?.get(news.judge);
    if (cluster === undefined) return;
    const judge = judgeOf(slot, news.judge);
    if (news.kind === "hosts") cluster.follow(judge, news.gone, news.fresh);
    else if (news.kind === "failures") cluster.onFailures(news.host, news.row);
    else if (news.kind === "passed") cluster.onPassed(news.host);
    else this.#close(slot, news.judge, cluster);
  }

  /** A worker is no more; what it has counted counts. */
  end(slot: number): void {
    for (const [judge, cluster] of this.#judges.get(slot) ?? []) this.#close(slot, judge, cluster);
    this.#judges.delete(slot);
  }

  /** What the detection of a cluster, the newest of that name, has found; for admin pages. */
  of(clusterName: string): OutliersView | undefined {
    let found: OutliersView | undefined;
    for (const cluster of this.#clusters.values()) {
      if (cluster.name === clusterName) found = cluster;
    }
    return found;
  }

  #open(slot: number, judge: number, judged: JudgedCluster): void {
    const key = `${judged.name}\0${judged.key}`;
    let cluster = this.#clusters.get(key);
    if (cluster === undefined) {
      cluster = new SharedCluster(key, judged, this.#options);
      this.#clusters.set(key, cluster);
    }
    let judges = this.#judges.get(slot);
    if (judges === undefined) {
      judges = new Map();
      this.#judges.set(slot, judges);
    }
    judges.set(judge, cluster);
    cluster.join(slot, judge);
  }

  #close(slot: number, judge: number, cluster: SharedCluster): void {
    this.#judges.get(slot)?.delete(judge);
    cluster.leave(judgeOf(slot, judge));
    if (!cluster.abandoned) return;
    cluster.stop();
    this.#clusters.delete(cluster.key);
  }
}

/** Those of the threads that `tell` reaches. */
export function outliersOf(
  { clock, counting, onNotice }: FleetParts,
  tell: SharedOutliersOptions["tell"],
): SharedOutliers {
  const { telemetry } = counting;
  return new SharedOutliers({ clock, random: systemRandom, telemetry, tell, onNotice });
}

interface FleetParts {
  readonly clock: Clock;
  readonly counting: { readonly telemetry: Telemetry };
  readonly onNotice: (notice: string) => void;
}

/** Names a judge among those of all workers. */
type JudgeKey = string;

function judgeOf(slot: number, judge: number): JudgeKey {
  return `${slot} ${judge}`;
}

export interface OutliersView {
  readonly thresholds: RateThresholds;
  ratesOf(address: string): SuccessRates | undefined;
}

interface Member {
  readonly suspect: Suspect;
  readonly cells: Uint32Array;
  readonly place: number;
  /** Who has it among its hosts. */
  readonly judges: Set<JudgeKey>;
}

/** One cluster over all workers. */
class SharedCluster implements DetectorOwner, OutliersView {
  readonly key: string;
  readonly name: string;
  readonly #options: SharedOutliersOptions;
  readonly #detector: Detector;
  readonly #judges = new Map<JudgeKey, { readonly slot: number; readonly judge: number }>();
  /** By the hosts' keys. */
  readonly #members = new Map<string, Member>();
  readonly #keys = new Map<Suspect, string>();
  #changed = new Map<string, HostOrder>();

  constructor(key: string, judged: JudgedCluster, options: SharedOutliersOptions) {
    const { clock, random, telemetry } = options;
    this.key = key;
    this.name = judged.name;
    this.#options = options;
    const stats = telemetry.cluster(judged.statName).outliers();
    this.#detector = new Detector(judged.detection, { clock, random, stats }, this);
  }

  get abandoned(): boolean {
    return this.#judges.size === 0;
  }

  get thresholds(): RateThresholds {
    return this.#detector.thresholds;
  }

  ratesOf(address: string): SuccessRates | undefined {
    const member = this.#members.get(address) ?? this.#members.get(LOGICAL);
    return member?.suspect.rates;
  }

  join(slot: number, judge: number): void {
    this.#judges.set(judgeOf(slot, judge), { slot, judge });
  }

  leave(key: JudgeKey): void {
    this.#judges.delete(key);
    for (const host of this.#members.keys()) this.#release(key, host);
  }

  stop(): void {
    this.#detector.stop();
  }

  follow(key: JudgeKey, gone: readonly string[], fresh: readonly FreshHost[]): void {
    for (const host of gone) this.#release(key, host);
    const unknown = fresh.filter((host) => !this.#members.has(host.key));
    const cells = recordCells(unknown.length, true);
    for (const [place, host] of unknown.entries()) this.#add(host, cells, place);
    const hosts = fresh.flatMap((host) => this.#take(key, host));
    const judge = this.#judges.get(key);
    if (judge !== undefined && hosts.length > 0) {
      this.#options.tell(judge.slot, { judge: judge.judge, hosts });
    }
  }

  onFailures(host: string, row: InARow): void {
    const member = this.#members.get(host);
    if (member !== undefined) this.#detector.onFailuresInARow(member.suspect, row);
  }

  onPassed(host: string): void {
    const member = this.#members.get(host);
    if (member !== undefined) this.#detector.onCheckPassed(member.suspect);
  }

  onEjected(suspect: Suspect, kind: EjectionKind, enforced: boolean): void {
    if (!enforced) return;
    this.#options.onNotice(ejectEvent(suspect, kind, enforced, this.#eventContext));
    this.#note(suspect);
  }

  onReturned(suspect: Suspect): void {
    this.#options.onNotice(unejectEvent(suspect, this.#eventContext));
    this.#note(suspect);
  }

  onSettled(): void {
    if (this.#changed.size === 0) return;
    const hosts = [...this.#changed.values()];
    this.#changed = new Map();
    for (const { judge, slot } of this.#judges.values()) this.#options.tell(slot, { judge, hosts });
  }

  onFault(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#options.onNotice(`internal error: ${text}`);
  }

  get #eventContext(): Parameters<typeof unejectEvent>[1] {
    const { clock } = this.#options;
    return { clusterName: this.name, detector: this.#detector, clock };
  }

  #note(suspect: Suspect): void {
    const host = this.#keys.get(suspect);
    if (host !== undefined) this.#changed.set(host, { host, ejected: suspect.ejection.ejected });
  }

  #add({ address, key }: FreshHost, cells: Uint32Array, place: number): void {
    const suspect = this.#detector.add(address, new HostRecord(cells, place));
    this.#members.set(key, { suspect, cells, place, judges: new Set() });
    this.#keys.set(suspect, key);
  }

  #take(judge: JudgeKey, { address, key: host }: FreshHost): HostOrder[] {
    const member = this.#members.get(host);
    if (member === undefined) return [];
    const { cells, judges, place, suspect } = member;
    judges.add(judge);
    suspect.address = address;
    return [{ host, ejected: suspect.ejection.ejected, cells, place }];
  }

  #release(key: JudgeKey, host: string): void {
    const member = this.#members.get(host);
    if (member === undefined || !member.judges.delete(key) || member.judges.size > 0) return;
    this.#members.delete(host);
    this.#keys.delete(member.suspect);
    this.#detector.remove(member.suspect);
  }
}
