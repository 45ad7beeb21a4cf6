/**
 * `breaker-calls.ts WHAT [NAME]`: what one breaker costs, in a process of its own, so that none is
 * compiled for the others' sake. Prints one number: nanoseconds a call, or bytes for `heap`.
 */

import { setImmediate as turn } from "node:timers/promises";
import { circuitBreaker } from "../../src/breaker/circuit-breaker.ts";
import { type Ask, type Contender, contender, guarded, type Path } from "../breaker/contender.ts";

/** After so many calls the event loop turns, as it does under any load: timers come due. */
const BURST_CALLS = 500;
const WARM_UP_MS = 300;
/** Longer than opossum's buckets: that it closes one a second belongs to what it costs. */
const MEASURE_MS = 1500;

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

/** What this thread has used of the processor: others on the machine do not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

type Run = (calls: number) => Promise<void> | void;

/** By time, since opossum's failures cost the more, the more there were; how many it were. */
async function runFor(durationMs: number, run: Run): Promise<number> {
  const until = cpuMs() + durationMs;
  let calls = 0;
  while (cpuMs() < until) {
    await run(BURST_CALLS);
    calls += BURST_CALLS;
    await turn();
  }
  return calls;
}

/** The mean, with all that collecting garbage and closing windows takes. */
async function nsPerCall(run: Run): Promise<number> {
  await runFor(WARM_UP_MS, run);
  const start = cpuMs();
  const calls = await runFor(MEASURE_MS, run);
  return ((cpuMs() - start) * 1e6) / calls;
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
