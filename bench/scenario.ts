/** What a benchmark is made of. `main.ts` runs it, `report/` says what came out. */
import type { Stage } from "./stage.ts";

/** Measured in one round, by key of a metric. */
export type Sample = Readonly<Record<string, number>>;

/** Measures one round. */
export type Measure = () => Promise<Sample>;

/** A column of the report. */
export interface Metric {
  readonly key: string;
  /** Its unit last. */
  readonly title: string;
  readonly digits: number;
}

/** A goal of the design for one of the metrics. */
export interface Budget {
  readonly metric: string;
  readonly max: number;
  /** `ratio`: Envoy's in the same round being 1, the better Envoy's where there are two. */
  readonly of: "ratio" | "value";
}

/** What is measured: a proxy with its configuration, or what stands beside it for comparison. */
export interface Contender {
  /** Those whose name starts with `envoy` are what ratios refer to. */
  readonly name: string;
  readonly version: string;
  /** Rejects where it cannot run this; the report then says so. */
  start(): Promise<Measure>;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** How it is loaded, as half a sentence. */
  readonly load: string;
  readonly metrics: readonly Metric[];
  /** Keys of the metrics that are given as ratios too. */
  readonly ratios: readonly string[];
  readonly budgets: readonly Budget[];
  /** Where each round starts processes of its own, which lasts as long as it lasts: how many. */
  readonly freshRoundsMax?: number;
  /** Starts what is behind the proxies, and tells in which order a round measures them. */
  contenders(stage: Stage): Promise<readonly Contender[]>;
}
