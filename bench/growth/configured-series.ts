/** What a request costs one proxy under configurations that grow with `x`. */
import type { Program } from "../contender/program.ts";
import { startSidecar } from "../contender/sidecar.ts";
import type { Sample } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { type Driven, measured } from "../tool/driven.ts";
import { freePort } from "../tool/running.ts";
import { type Series, successful } from "./proxy-series.ts";

export interface Configured {
  /** Envoy's configuration. */
  config(x: number, listen: number): string;
  drive(x: number, port: number, seconds: number): Promise<Driven>;
  /** Further seconds of load before it is measured. */
  readonly warmUpSeconds?: (x: number) => number;
}

/** Nobody is left to be drained. */
const DRAIN_MS_MAX = 200;

/** A process for each measurement: what it keeps of one configuration is not left to the next. */
export class ConfiguredSeries implements Series {
  readonly name: string;
  readonly #stage: Stage;
  readonly #program: Program;
  readonly #configured: Configured;

  constructor(stage: Stage, program: Program, configured: Configured) {
    this.name = program.name;
    this.#stage = stage;
    this.#program = program;
    this.#configured = configured;
  }

  async at(x: number): Promise<Sample> {
    const { config, drive, warmUpSeconds = () => 0 } = this.#configured;
    const { seconds } = this.#stage.pace;
    const port = await freePort();
    const text = config(x, port);
    const running = await startSidecar(this.#stage, this.#program, `${this.name}-${x}`, port, text);
    try {
      await drive(x, port, seconds + warmUpSeconds(x));
      const load = (): Promise<Driven> => successful(() => drive(x, port, seconds), port);
      return await measured([running.pid], load)();
    } finally {
      await running.end(DRAIN_MS_MAX);
    }
  }
}
