import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { GoodRequests } from "./good-clients.ts";
import type { Said, Told } from "./good-worker.ts";

const NOTHING: GoodRequests = { sent: 0, answered: 0, latencies: [], failures: [] };

/** The good clients, on a thread of their own. */
export class GoodThread {
  readonly #worker: Worker;
  /** Where the origin listens that they ask. */
  readonly port: number;

  private constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.port = port;
  }

  static async open(): Promise<GoodThread> {
    const worker = new Worker(new URL("./good-worker.ts", import.meta.url));
    const [{ port = 0 }] = (await once(worker, "message")) as [Said];
    return new GoodThread(worker, port);
  }

  /** They begin to ask for `/good`, there. */
  async start(port: number): Promise<void> {
    await this.#tell({ kind: "start", port });
  }

  /** What was met since the last time. */
  async take(): Promise<GoodRequests> {
    return (await this.#tell({ kind: "take" })).requests ?? NOTHING;
  }

  /** Resolves when each of them has been answered once more. */
  async anotherRound(): Promise<void> {
    await this.#tell({ kind: "round" });
  }

  async stop(): Promise<void> {
    await this.#tell({ kind: "stop" });
    await this.#worker.terminate();
  }

  async #tell(told: Told): Promise<Said> {
    const answer = once(this.#worker, "message");
    this.#worker.postMessage(told);
    const [said] = (await answer) as [Said];
    return said;
  }
}
