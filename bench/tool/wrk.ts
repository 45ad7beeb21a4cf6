/** HTTP/1.1 as fast as it goes, over connections that are kept. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { tool } from "../../test/support/tools.ts";
import type { Driven } from "./driven.ts";

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

export interface WrkLoad {
  readonly connections: number;
  readonly seconds: number;
  readonly path?: string;
  /** Further header lines. */
  readonly headers?: readonly string[];
}

export async function wrk(
  port: number,
  { connections, seconds, path = "/", headers = [] }: WrkLoad,
): Promise<Driven> {
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency"];
  for (const header of headers) args.push("-H", header);
  const { stdout } = await promisify(execFile)(tool("wrk"), [
    ...args,
    `http://127.0.0.1:${port}${path}`,
  ]);
  return {
    requests: numberIn(stdout, /(\d+) requests in/),
    requestsPerSecond: numberIn(stdout, /Requests\/sec:\s+([\d.]+)/),
    p50Ms: latencyMs(stdout, "50"),
    p99Ms: latencyMs(stdout, "99"),
    failures: failuresIn(stdout),
  };
}
