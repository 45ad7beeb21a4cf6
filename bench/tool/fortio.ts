/** HTTP/1.1 at a fixed rate: how long a request takes where nothing is saturated. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { tool } from "../../test/support/tools.ts";
import type { Sample } from "../scenario.ts";

/** Width of the buckets that percentiles are read from. */
const RESOLUTION_SECONDS = 0.00005;

interface Report {
  readonly ActualQPS: number;
  readonly RetCodes: Readonly<Record<string, number>>;
  readonly DurationHistogram: {
    readonly Percentiles: readonly { readonly Percentile: number; readonly Value: number }[];
  };
}

export interface FixedRate {
  readonly requestsPerSecond: number;
  readonly connections: number;
  readonly seconds: number;
}

export async function fortio(port: number, rate: FixedRate): Promise<Sample> {
  const { stdout } = await promisify(execFile)(tool("fortio"), [
    "load",
    ...["-quiet", "-json", "-", "-p", "50,99,99.9", "-r", `${RESOLUTION_SECONDS}`],
    ...["-qps", `${rate.requestsPerSecond}`, "-c", `${rate.connections}`],
    ...["-t", `${rate.seconds}s`, `http://127.0.0.1:${port}/`],
  ]);
  const report: Report = JSON.parse(stdout);
  const ms = (percentile: number): number => {
    const { Percentiles } = report.DurationHistogram;
    const found = Percentiles.find(({ Percentile }) => Percentile === percentile);
    return (found?.Value ?? Number.NaN) * 1000;
  };
  const failures = Object.entries(report.RetCodes)
    .filter(([code]) => code !== "200")
    .reduce((sum, [, count]) => sum + count, 0);
  const requestsPerSecond = report.ActualQPS;
  return { requestsPerSecond, p50Ms: ms(50), p99Ms: ms(99), p999Ms: ms(99.9), failures };
}
