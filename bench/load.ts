/** Drives one proxy with wrk and reads what it took. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { tool } from "../test/support/tools.ts";
import { cpuMicros, residentBytes } from "./process-tree.ts";

export interface Sample {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicrosPerRequest: number;
  readonly residentBytes: number;
  /** Answers other than 2xx and 3xx, and socket errors. */
  readonly failures: number;
}

export interface Load {
  readonly connections: number;
  readonly seconds: number;
}

const MS_PER_UNIT: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

function latencyMs(text: string, percentile: string): number {
  const [, value = "0", unit = "ms"] =
    new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s)$`, "m").exec(text) ?? [];
  return Number(value) * (MS_PER_UNIT[unit] ?? 1);
}

function failuresIn(text: string): number {
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const broken = (sockets?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), 0);
  return broken + numberIn(text, /Non-2xx or 3xx responses: (\d+)/);
}

/** Loads what listens on `port`, whose processes start with `pid`. */
export async function measure(port: number, pid: number, load: Load): Promise<Sample> {
  const args = ["-t1", `-c${load.connections}`, `-d${load.seconds}s`, "--latency"];
  const before = cpuMicros(pid);
  const { stdout } = await promisify(execFile)(tool("wrk"), [...args, `http://127.0.0.1:${port}/`]);
  const used = cpuMicros(pid) - before;
  return {
    requestsPerSecond: numberIn(stdout, /Requests\/sec:\s+([\d.]+)/),
    p50Ms: latencyMs(stdout, "50"),
    p99Ms: latencyMs(stdout, "99"),
    cpuMicrosPerRequest: used / Math.max(1, numberIn(stdout, /(\d+) requests in/)),
    residentBytes: residentBytes(pid),
    failures: failuresIn(stdout),
  };
}
