/** Where a scenario runs: a folder of its own, and the processes that it started. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Ready, Running } from "./tool/running.ts";

export interface Pace {
  /** How long one load lasts. */
  readonly seconds: number;
  /** A look rather than a measurement: smaller numbers of everything. */
  readonly quick: boolean;
}

/** Nobody is left to be drained. */
const DRAIN_MS_MAX = 200;

export class Stage {
  readonly pace: Pace;
  readonly folder: string = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-bench-"));
  readonly #running: Promise<Running>[] = [];
  #ended = false;

  constructor(pace: Pace) {
    this.pace = pace;
    // The origin's workers read bodies from here; started by root, they are somebody else.
    fs.chmodSync(this.folder, 0o755);
  }

  /** @returns the full path. */
  write(name: string, content: string | Uint8Array): string {
    const file = path.join(this.folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
    return file;
  }

  /** Starts a program in the folder; it ends with the stage at the latest. */
  async run(
    name: string,
    port: number,
    command: readonly [string, ...string[]],
    ready: Ready = "answers",
  ): Promise<Running> {
    if (this.#ended) throw new Error(`${name} is not started: the benchmark has ended`);
    const running = Running.start(name, port, command, this.folder, ready);
    this.#running.push(running);
    return running;
  }

  /** Nothing starts any more; also true where the run was interrupted and has not noticed yet. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Ends what runs, and what is about to run once it does. */
  async end(): Promise<void> {
    this.#ended = true;
    const ends = this.#running.map((running) => running.then((one) => one.end(DRAIN_MS_MAX)));
    await Promise.allSettled(ends);
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
