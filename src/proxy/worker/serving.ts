import { type Clock, systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";
import { Registry } from "../../metrics/registry.ts";
import { RowJournal } from "../../metrics/row-journal.ts";
import type { Address } from "../../model/address.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import { endpointRow } from "../admin/proxy-source.ts";
import type { PreparedConfig } from "../data-plane.ts";
import type { Limits } from "../limits/limits.ts";
import { behindUse, SharedLimits } from "../limits/shared-limits.ts";
import { RemoteJudges } from "../outlier/shared/remote-judge.ts";
import { assemble, type ThreadParts } from "./assemble.ts";
import { ConfigReceiver } from "./config-receiver.ts";
import { LogRelay } from "./log-relay.ts";
import type {
  EndpointRows,
  FromWorker,
  Preparation,
  QuestionName,
  Questions,
  ToWorker,
  WorkerStart,
} from "./message.ts";

/** Endpoints in one answer: well under 5 ms of work. */
const ENDPOINTS_MAX = 500;

type Handlers = {
  readonly [Q in QuestionName]: (
    asks: Questions[Q]["asks"],
  ) => Questions[Q]["answer"] | Promise<Questions[Q]["answer"]>;
};

/** A worker thread's side: one data plane, which does what the main thread asks. */
export class Serving {
  readonly #slot: number;
  readonly #send: (message: FromWorker) => void;
  readonly #clock: Clock = systemClock;
  readonly #journal: RowJournal;
  readonly #registry: Registry;
  readonly #parts: ThreadParts;
  readonly #received = new ConfigReceiver();
  readonly #use = new Map<string, Int32Array>();
  readonly #outliers: RemoteJudges;
  #prepared: { readonly config: ProxyConfig; readonly by: PreparedConfig } | undefined;

  readonly #handlers: Handlers = {
    piece: (piece) => {
      this.#received.take(piece);
    },
    prepare: (preparation) => this.#prepare(preparation),
    commit: () => this.#commit(),
    abandon: () => this.#abandon(),
    endpoints: (from) => this.#endpoints(from),
    refused: () => this.#parts.telemetry.refused.all,
    resetCounters: () => {
      this.#registry.resetCounters();
    },
    secrets: (secrets) => {
      this.#parts.tls.supply(secrets);
    },
    certificates: () => this.#parts.tls.certificates,
    discourage: (discouraging) => {
      this.#parts.dataPlane.listeners.discourage(discouraging);
    },
    drain: (discouraging) => {
      this.#parts.dataPlane.listeners.drain(discouraging);
    },
    held: () => this.#parts.dataPlane.listeners.held,
    stop: ({ graceMs, patienceMs }) => this.#stop(graceMs, patienceMs),
  };

  constructor(start: WorkerStart, send: (message: FromWorker) => void) {
    const { slot, node, version, carrying, ticketSecret, overload, connections } = start;
    const { ownPort } = start;
    this.#slot = slot;
    this.#send = send;
    this.#journal = new RowJournal((entry) => send({ kind: "journal", entry }));
    this.#registry = new Registry(this.#journal);
    this.#outliers = new RemoteJudges((news) => send({ kind: "outliers", news }));
    this.#parts = assemble({
      node,
      version,
      carrying,
      ticketSecret,
      registry: this.#registry,
      clock: this.#clock,
      random: systemRandom,
      onNotice: (text) => send({ kind: "notice", text }),
      limitsOf: (cluster) => this.#limitsOf(cluster),
      outliersOf: (cluster, detection) => this.#outliers.open(cluster, detection),
      accrualOf: (cluster) => this.#accrualOf(cluster),
      connectionsOf: (thresholds) => new SharedLimits(thresholds, connections, slot),
      overload,
      ownPort,
      openSink: (path) =>
        new LogRelay(path, this.#clock, (to, text, lines) =>
          send({ kind: "log", path: to, text, lines }),
        ),
    });
    this.#journal.begin(this.#registry.store);
  }

  hear(message: ToWorker): void {
    if (message.kind === "release") this.#journal.release(message.rows);
    else if (message.kind === "forget") this.#journal.forget(message.row, message.sum);
    else if (message.kind === "outliers") this.#outliers.hear(message.orders);
    else void this.#answer(message.id, message.kind, message.asks);
  }

  /** A mistake that nothing else has contained: said, and the other connections go on. */
  onFault(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#send({ kind: "notice", text: `internal error: ${text}` });
  }

  async #answer<Q extends QuestionName>(
    id: number,
    name: Q,
    asks: Questions[Q]["asks"],
  ): Promise<void> {
    try {
      const answer = await this.#handlers[name](asks);
      this.#send({ kind: "answer", id, answer });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#send({ kind: "refusal", id, reason });
    }
  }

  /** The main thread makes the cells of each cluster before it tells of the cluster. */
  #limitsOf({ name, thresholds }: Cluster): Limits {
    const use = this.#use.get(name);
    if (use === undefined) throw new Error(`cluster ${name} has no shared limits`);
    return new SharedLimits(thresholds, use, this.#slot);
  }

  #accrualOf(cluster: string): Int32Array<SharedArrayBuffer> | undefined {
    const use = this.#use.get(cluster);
    return use === undefined ? undefined : behindUse(use);
  }

  async #prepare(preparation: Preparation): Promise<ReadonlyMap<string, Address>> {
    const { names, use, buckets, faults, circuits, binding } = preparation;
    for (const [name, cells] of use) this.#use.set(name, cells);
    const config = this.#received.config(names);
    try {
      const shared = { buckets, faults, circuits, worker: this.#slot };
      const by = await this.#parts.dataPlane.prepare(config, binding, shared);
      this.#prepared = { config, by };
      return by.addresses;
    } catch (error) {
      this.#received.abandon();
      throw error;
    }
  }

  async #commit(): Promise<undefined> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    if (prepared === undefined) return;
    await prepared.by.commit();
    this.#received.commit(prepared.config);
    const served = new Set(prepared.config.clusters.map(({ name }) => name));
    for (const name of this.#use.keys()) if (!served.has(name)) this.#use.delete(name);
  }

  #abandon(): undefined {
    this.#prepared?.by.abandon();
    this.#prepared = undefined;
    this.#received.abandon();
  }

  #endpoints(from: number): EndpointRows[] {
    const answer: EndpointRows[] = [];
    let before = 0;
    let room = ENDPOINTS_MAX;
    for (const { name, hosts } of this.#parts.dataPlane.clusters.clusters) {
      const skip = Math.max(0, from - before);
      before += hosts.length;
      if (skip >= hosts.length) continue;
      const some = hosts.slice(skip, skip + room);
      answer.push({ cluster: name, endpoints: some.map(endpointRow) });
      room -= some.length;
      if (room === 0) break;
    }
    return answer;
  }

  async #stop(graceMs: number, patienceMs: number): Promise<undefined> {
    await this.#parts.dataPlane.stop(graceMs, patienceMs);
    await this.#parts.accessLogs.close();
    this.#journal.flush();
  }
}
