/** What a request costs one proxy, at each `x` of a curve. */

import type { Program } from "../contender/program.ts";
import { configText, startSidecar } from "../contender/sidecar.ts";
import type { Sample } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { type Driven, measured } from "../tool/driven.ts";
import { freePort, type Running } from "../tool/running.ts";

/** One proxy on a curve. */
export interface Series {
  readonly name: string;
  /** What `measured` gives. */
  at(x: number): Promise<Sample>;
}

/** How many workers the proxy has at an `x`, and which load it is given. */
export interface Point {
  readonly workers: number;
  readonly drive: (port: number) => Promise<Driven>;
}

export interface Hop {
  /** Of `config/`. */
  readonly file: string;
  readonly origin: number;
  readonly pointAt: (x: number) => Point;
}

/** Ten thousand requests may wait; they share fewer connections, since files are scarce. */
function patient(yaml: string): string {
  return yaml
    .replace("max_connections: 4096", "max_connections: 1024")
    .replace("max_pending_requests: 4096", "max_pending_requests: 20000")
    .replace("max_requests: 4096", "max_requests: 20000");
}

/** @throws Error where more than one in a hundred failed: that would be another cost. */
export async function successful(drive: Point["drive"], port: number): Promise<Driven> {
  const driven = await drive(port);
  const { failures, requests } = driven;
  if (failures > requests / 100) throw new Error(`${failures} of ${requests} requests failed`);
  return driven;
}

/** A process for each number of workers; it goes on running until the stage ends. */
export class ProxySeries implements Series {
  readonly name: string;
  readonly #stage: Stage;
  readonly #program: Program;
  readonly #hop: Hop;
  readonly #running = new Map<number, Promise<Running>>();

  constructor(stage: Stage, program: Program, hop: Hop) {
    this.name = program.name;
    this.#stage = stage;
    this.#program = program;
    this.#hop = hop;
  }

  async at(x: number): Promise<Sample> {
    const { workers, drive } = this.#hop.pointAt(x);
    const { port, pid } = await this.#withWorkers(workers, drive);
    return measured([pid], () => successful(drive, port))();
  }

  #withWorkers(workers: number, drive: Point["drive"]): Promise<Running> {
    const running = this.#running.get(workers) ?? this.#start(workers, drive);
    this.#running.set(workers, running);
    return running;
  }

  /** The first load is not measured: it warms the process up. */
  async #start(workers: number, drive: Point["drive"]): Promise<Running> {
    const { file, origin } = this.#hop;
    const listen = await freePort();
    const yaml = patient(configText(file, { 10000: listen, 10001: origin }));
    const name = `${this.name}-${workers}`;
    const program = this.#program;
    const running = await startSidecar(this.#stage, program, name, listen, yaml, { workers });
    await drive(listen);
    return running;
  }
}
