/** HTTP/2 with prior knowledge, several streams at once on each connection. */
import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { tool } from "../../test/support/tools.ts";
import type { Driven } from "./driven.ts";

export interface Http2Load {
  readonly connections: number;
  readonly streams: number;
  readonly seconds: number;
  readonly path?: string;
  readonly headers?: readonly string[];
  /** Sent as the body of each request. */
  readonly bodyFile?: string;
}

/** Status and duration of each request, as h2load logs them: start, status, microseconds. */
function readLog(file: string): { readonly statuses: number[]; readonly micros: number[] } {
  const lines = fs.readFileSync(file, "utf8").trimEnd().split("\n");
  const rows = lines.map((line) => line.split("\t"));
  return {
    statuses: rows.map(([, status]) => Number(status)),
    micros: rows.map(([, , micros]) => Number(micros)).sort((a, b) => a - b),
  };
}

function percentileMs(sorted: readonly number[], share: number): number {
  return (sorted[Math.floor((sorted.length - 1) * share)] ?? 0) / 1000;
}

function argumentsOf(port: number, load: Http2Load, log: string): string[] {
  const { connections, streams, seconds, headers = [], bodyFile } = load;
  const args = ["-t1", `-c${connections}`, `-m${streams}`, `-D${seconds}`, `--log-file=${log}`];
  for (const header of headers) args.push("-H", header);
  if (bodyFile !== undefined) args.push("-d", bodyFile);
  return [...args, `http://127.0.0.1:${port}${load.path ?? "/"}`];
}

export async function h2load(port: number, load: Http2Load): Promise<Driven> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-h2load-"));
  try {
    const log = path.join(folder, "requests");
    await promisify(execFile)(tool("h2load"), argumentsOf(port, load, log));
    const { statuses, micros } = readLog(log);
    return {
      requests: statuses.length,
      requestsPerSecond: statuses.length / load.seconds,
      p50Ms: percentileMs(micros, 0.5),
      p99Ms: percentileMs(micros, 0.99),
      failures: statuses.filter((status) => status < 200 || status >= 400).length,
    };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
