import type { OutlierDetection } from "../../../model/upstream/outlier-detection.ts";
import type { Host } from "../../cluster/host.ts";
import type { HostJudge } from "../../cluster/host-monitor.ts";
import { transportKey } from "../../cluster/transport-choice.ts";
import type { UpstreamCluster } from "../../cluster/upstream-cluster.ts";
import { HostRecord, type InARow, recordCells } from "../host-record.ts";
import { OutlierMonitor } from "../outlier-monitor.ts";
import type { FreshHost, HostOrder, OutlierNews, OutlierOrders } from "./outlier-message.ts";

type Send = (news: OutlierNews) => void;

/** The judges of one worker, which the main thread decides for. */
export class RemoteJudges {
  readonly #send: Send;
  readonly #judges = new Map<number, RemoteJudge>();
  #lastId = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  open(cluster: UpstreamCluster, detection: OutlierDetection): HostJudge {
    const id = ++this.#lastId;
    const onStop = () => this.#judges.delete(id);
    const judge = new RemoteJudge(id, cluster, detection, this.#send, onStop);
    this.#judges.set(id, judge);
    return judge;
  }

  hear({ judge, hosts }: OutlierOrders): void {
    this.#judges.get(judge)?.hear(hosts);
  }
}

/** Outlier detection of one cluster as one of several workers has it: it counts, and obeys. */
class RemoteJudge implements HostJudge {
  readonly #id: number;
  readonly #cluster: UpstreamCluster;
  readonly #detection: OutlierDetection;
  readonly #send: Send;
  readonly #onStop: () => void;
  #watched = new Map<string, Watched>();

  constructor(
    id: number,
    cluster: UpstreamCluster,
    detection: OutlierDetection,
    send: Send,
    onStop: () => void,
  ) {
    this.#id = id;
    this.#cluster = cluster;
    this.#detection = detection;
    this.#send = send;
    this.#onStop = onStop;
    const { name, stats, config } = cluster;
    const key = transportKey(config);
    const judged = { name, statName: stats.name, key, detection };
    send({ kind: "open", judge: id, cluster: judged });
  }

  follow(hosts: Iterable<Host>): void {
    const before = this.#watched;
    const now = new Map<string, Watched>();
    const fresh: FreshHost[] = [];
    for (const host of hosts) {
      const { key, text: address } = host;
      const known = before.get(key);
      if (known?.address !== address) fresh.push({ key, address });
      now.set(key, this.#watch(host, known));
    }
    const gone = [...before.keys()].filter((key) => !now.has(key));
    this.#watched = now;
    if (gone.length + fresh.length === 0) return;
    this.#send({ kind: "hosts", judge: this.#id, gone, fresh });
  }

  onCheckPassed({ ejected, key: host }: Host): void {
    if (ejected) this.#send({ kind: "passed", judge: this.#id, host });
  }

  stop(): void {
    this.#onStop();
    this.#watched.clear();
    this.#send({ kind: "close", judge: this.#id });
  }

  hear(orders: readonly HostOrder[]): void {
    let changed = false;
    for (const { host: key, cells, ejected, place = 0 } of orders) {
      const watched = this.#watched.get(key);
      if (watched === undefined) continue;
      // Until it is told where all workers count, each counts by itself.
      if (cells !== undefined) watched.monitor.record = new HostRecord(cells, place);
      if (watched.host.ejected === ejected) continue;
      watched.host.ejected = ejected;
      if (ejected) watched.host.drain();
      changed = true;
    }
    if (changed) this.#cluster.renewBalance();
  }

  /** A host that has the place of another goes on where that one was. */
  #watch(host: Host, known: Watched | undefined): Watched {
    const { key, text: address } = host;
    if (known?.host === host) {
      known.address = address;
      return known;
    }
    const record = known?.monitor.record ?? new HostRecord(recordCells(1, false), 0);
    const onFailuresInARow = (row: InARow) =>
      this.#send({ kind: "failures", judge: this.#id, host: key, row });
    const monitor = new OutlierMonitor(record, this.#detection, { onFailuresInARow });
    host.watch(monitor);
    return { host, address, monitor };
  }
}

interface Watched {
  readonly host: Host;
  /** As the main thread knows it. */
  address: string;
  readonly monitor: OutlierMonitor;
}
