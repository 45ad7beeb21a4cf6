/**
 * `breaker-calls.ts WHAT [NAME]`: what one breaker costs, in a process of its own, so that none is
 * compiled for the others' sake. Prints one number: nanoseconds a call, or bytes for `heap`.
 */

import { circuitBreaker } from "../../src/breaker/circuit-breaker.ts";
import { type Ask, type Contender, contender, guarded, type Path } from "../breaker/contender.ts";

/** A sample is as many bursts as take so long: long enough to hold collections of garbage. */
const BURST_CALLS = 500;
const SAMPLE_MS = 5;
const WARM_UP_MS = 400;
const MEASURE_MS = 600;
const SAMPLES_MIN = 5;

async function askTimes(ask: Ask, calls: number): Promise<void> {
  for (let call = 0; call < calls; call++) await ask(call);
}

async function failTimes(ask: Ask, calls: number): Promise<void> {
  for (let call = 0; call < calls; call++) {
    try {
      await ask(call);
    } catch {}
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

type Run = (calls: number) => Promise<void> | void;

/** What this thread has used of the processor: others on the machine do not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** By time, since opossum's failures cost the more, the more there were. */
async function sample(run: Run): Promise<number> {
  const start = cpuMs();
  let calls = 0;
  let elapsedMs = 0;
  while (elapsedMs < SAMPLE_MS) {
    await run(BURST_CALLS);
    calls += BURST_CALLS;
    elapsedMs = cpuMs() - start;
  }
  return (elapsedMs * 1e6) / calls;
}

async function nsPerCall(run: Run): Promise<number> {
  const warmUntil = cpuMs() + WARM_UP_MS;
  while (cpuMs() < warmUntil) await sample(run);
  const samples: number[] = [];
  const until = cpuMs() + MEASURE_MS;
  while (cpuMs() < until || samples.length < SAMPLES_MIN) samples.push(await sample(run));
  return median(samples);
}

function callsOf(path: Path, ask: Ask): Promise<number> {
  const run = path === "closed" ? askTimes : failTimes;
  return nsPerCall((calls) => run(ask, calls));
}

/** `allow` and `record` with the clock's readings, as a caller of the two pays them. */
function allowRecord(outcome: "success" | "failure"): Promise<number> {
  const { breaker } = circuitBreaker(async () => 0, { requestVolumeThreshold: 2 ** 31 });
  return nsPerCall((calls) => {
    for (let call = 0; call < calls; call++) {
      if (breaker.allow()) breaker.record(outcome);
    }
  });
}

/** What is left of ten million calls, of which one in a hundred failed. */
async function retained(): Promise<number> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error("--expose-gc is missing");
  const error = new Error("down");
  const ask = circuitBreaker(async (value: number) => {
    if (value % 100 === 0) throw error;
    return value;
  });
  await failTimes(ask, 1_000_000);
  gc();
  const before = process.memoryUsage().heapUsed;
  await failTimes(ask, 10_000_000);
  gc();
  return process.memoryUsage().heapUsed - before;
}

const [, , what = "", name = ""] = process.argv;
const measures: Readonly<Record<string, () => Promise<number>>> = {
  closed: () => callsOf("closed", contender(name as Contender, "closed")),
  failing: () => callsOf("failing", contender(name as Contender, "failing")),
  refused: () => callsOf("refused", contender(name as Contender, "refused")),
  buckets: () => callsOf("closed", guarded("closed", Number(name))),
  allow: () => allowRecord(name === "failure" ? "failure" : "success"),
  heap: retained,
};
const measure = measures[what];
if (measure === undefined) throw new Error(`${what}: not known`);
console.log(await measure());
process.exit();
