/** Envoy and Outrigger, started on the same file. */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Contender, Measure } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { freePort, type Ready, type Running } from "../tool/running.ts";
import type { Program } from "./program.ts";

const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), "../config");

/** A file of `config/`, with ports of this run in the place of those that it is written with. */
export function configText(name: string, ports: Readonly<Record<number, number>>): string {
  return fs
    .readFileSync(path.join(FOLDER, name), "utf8")
    .replace(/port_value: (\d+)/g, (text, written: string) => {
      const port = ports[Number(written)];
      return port === undefined ? text : `port_value: ${port}`;
    });
}

export interface SidecarOptions {
  readonly ready?: Ready;
  readonly workers?: number;
}

/**
 * @param name Of the process in this stage, which names its files.
 * @param port Where the configuration makes it listen.
 */
export function startSidecar(
  stage: Stage,
  program: Program,
  name: string,
  port: number,
  yaml: string,
  { ready = "answers", workers = 1 }: SidecarOptions = {},
): Promise<Running> {
  const file = stage.write(`${name}.yaml`, yaml);
  return stage.run(name, port, program.command(file, workers), ready);
}

/** Where a hop listens, and where its origin does, as the text of a configuration. */
export type HopConfig = (ports: { readonly listen: number; readonly origin: number }) => string;

/** One hop: the program between a load on the listener (10000) and the origin (10001). */
export function hop(
  stage: Stage,
  program: Program,
  config: HopConfig,
  origin: number,
  measure: (running: Running) => Measure,
): Contender {
  const { name, version } = program;
  return {
    name,
    version,
    start: async () => {
      const listen = await freePort();
      const yaml = config({ listen, origin });
      return measure(await startSidecar(stage, program, name, listen, yaml));
    },
  };
}

/** The configuration of a hop from a file of `config/`. */
export function fileOf(name: string): HopConfig {
  return ({ listen, origin }) => configText(name, { 10000: listen, 10001: origin });
}
