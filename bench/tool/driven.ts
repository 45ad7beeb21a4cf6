/** What a load came to, and what it cost the processes under it. */
import type { Measure, Metric } from "../scenario.ts";
import { cpuMicros, residentBytes } from "./process-tree.ts";

export interface Driven {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 2xx and 3xx, and socket errors. */
  readonly failures: number;
}

/** The columns of what `measured` gives; scenarios name the last unit as they need. */
export const CPU: Metric = { key: "cpuMicros", title: "CPU us/req", digits: 1 };
export const DRIVEN_METRICS: readonly Metric[] = [
  { key: "requestsPerSecond", title: "req/s", digits: 0 },
  { key: "p50Ms", title: "p50 ms", digits: 2 },
  { key: "p99Ms", title: "p99 ms", digits: 2 },
  CPU,
  { key: "residentMegabytes", title: "RSS MB", digits: 1 },
  { key: "failures", title: "failures", digits: 0 },
];

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** CPU and memory are those of all `pids` and their children together. */
export function measured(pids: readonly number[], drive: () => Promise<Driven>): Measure {
  return async () => {
    const before = sum(pids.map(cpuMicros));
    const { requests, ...driven } = await drive();
    return {
      ...driven,
      cpuMicros: (sum(pids.map(cpuMicros)) - before) / Math.max(1, requests),
      residentMegabytes: sum(pids.map(residentBytes)) / 2 ** 20,
    };
  };
}
