import { getCompileCacheDir } from "node:module";
import { Worker } from "node:worker_threads";
import { ForeignRows } from "../../metrics/foreign-rows.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Address } from "../../model/address.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { OutlierNews, OutlierOrders } from "../outlier/shared/outlier-message.ts";
import { ConfigSender, namesOf } from "./config-sender.ts";
import type {
  EndpointRows,
  FromWorker,
  Preparation,
  QuestionName,
  Questions,
  ToWorker,
  WorkerStart,
} from "./message.ts";

/** As it lies in the repository, or in the published package. */
const ENTRY = new URL(`./main.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);

/** Who started a worker, and hears of it. */
export interface ThreadOwner {
  onNotice(notice: string): void;
  /** Whole lines for the access log of this path. */
  onLogLines(path: string, text: string, lines: number): void;
  onOutliers(thread: WorkerThread, news: OutlierNews): void;
  /** Always the last; `reason`: why, as far as that is known. */
  onExit(thread: WorkerThread, reason: string): void;
}

/** A worker refused to do what it was asked, and has changed nothing. */
export class Refusal extends Error {}

/** A worker ended before it had answered. */
export class WorkerGone extends Error {}

interface Asked {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A worker as the main thread has it.
 *
 * ```
 *   starting -> serving -> ended
 *        |                   ^
 *        +-------------------+
 * ```
 */
type State = "starting" | "serving" | "ended";

export class WorkerThread {
  readonly slot: number;
  /** `serving`, once it has the configuration that all serve. */
  state: State = "starting";
  readonly #worker: Worker;
  readonly #owner: ThreadOwner;
  readonly #rows: ForeignRows;
  readonly #sender = new ConfigSender();
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;
  #reason = "it exited";

  /** `registry`: where its rows are joined to those of the others. */
  constructor(start: Omit<WorkerStart, "compileCache">, registry: Registry, owner: ThreadOwner) {
    this.slot = start.slot;
    this.#owner = owner;
    this.#rows = new ForeignRows(registry, (row, sum) => this.#tell({ kind: "forget", row, sum }));
    const workerData: WorkerStart = { ...start, compileCache: getCompileCacheDir() };
    this.#worker = new Worker(ENTRY, { workerData, name: `worker ${start.slot}` });
    this.#worker.on("message", (message: FromWorker) => this.#hear(message));
    this.#worker.on("error", (error) => {
      this.#reason = error instanceof Error ? error.message : String(error);
    });
    this.#worker.on("exit", () => this.#end());
  }

  /** Rejects with `Refusal` or `WorkerGone`. */
  ask<Q extends QuestionName>(
    kind: Q,
    asks: Questions[Q]["asks"],
  ): Promise<Questions[Q]["answer"]> {
    if (this.state === "ended") return Promise.reject(new WorkerGone(this.#reason));
    const id = ++this.#lastId;
    this.#tell({ kind, id, asks } as ToWorker);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve: resolve as Asked["resolve"], reject });
    });
  }

  /**
   * Has the worker prepare a configuration, of which it is sent what it lacks. Resolves with where
   * its listeners will listen; `commit` or `abandon` comes next.
   */
  async prepare(
    config: ProxyConfig,
    shared: Omit<Preparation, "names">,
  ): Promise<ReadonlyMap<string, Address>> {
    for (const piece of this.#sender.pieces(config)) await this.ask("piece", piece);
    return await this.ask("prepare", { names: namesOf(config), ...shared });
  }

  async commit(config: ProxyConfig): Promise<void> {
    await this.ask("commit", undefined);
    this.#sender.committed(config);
  }

  async abandon(): Promise<void> {
    await this.ask("abandon", undefined);
  }

  /** All endpoints, so many at a time. */
  async *endpoints(): AsyncGenerator<EndpointRows> {
    for (let from = 0; ; ) {
      const some = await this.ask("endpoints", from);
      if (some.length === 0) return;
      yield* some;
      from += some.reduce((count, { endpoints }) => count + endpoints.length, 0);
    }
  }

  /** What it is to know of hosts that are judged. */
  tellOutliers(orders: OutlierOrders): void {
    this.#tell({ kind: "outliers", orders });
  }

  /** Ends it wherever it is; resolves when it has ended. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case "answer":
        this.#take(message.id)?.resolve(message.answer);
        return;
      case "refusal":
        this.#take(message.id)?.reject(new Refusal(message.reason));
        return;
      case "journal":
        this.#tell({ kind: "release", rows: this.#rows.take(message.entry) });
        return;
      case "notice":
        this.#owner.onNotice(message.text);
        return;
      case "outliers":
        this.#owner.onOutliers(this, message.news);
        return;
      case "log":
        this.#owner.onLogLines(message.path, message.text, message.lines);
    }
  }

  #take(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }

  #end(): void {
    this.state = "ended";
    this.#rows.end();
    for (const { reject } of this.#asked.values()) reject(new WorkerGone(this.#reason));
    this.#asked.clear();
    this.#owner.onExit(this, this.#reason);
  }
}
