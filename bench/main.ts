/**
 * `npm run bench`: what the data plane costs, beside Envoy and others (docs/performance.md).
 * Outrigger runs as the built package does.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { measureBreakers } from "./breaker/measure.ts";
import { toJson, toTables } from "./breaker/report.ts";
import { CURVES } from "./growth/curve.ts";
import { runCurve } from "./growth/run.ts";
import { type Options, readOptions } from "./options.ts";
import { MARKDOWN, TEXT } from "./report/format.ts";
import type { Report } from "./report/report.ts";
import { toSummary } from "./report/summary.ts";
import { loadAverage, machine, toSection } from "./report/table.ts";
import { runScenario } from "./run.ts";
import { SCENARIOS } from "./scenario/all.ts";
import { Stage } from "./stage.ts";

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
}
const interruption = new Promise<never>((_, reject) => {
  interrupted.signal.addEventListener("abort", () => reject(interrupted.signal.reason));
});
interruption.catch(() => {}); // between two stages nobody else listens

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

/** What was started ends with it, also where it is interrupted. */
async function onStage<T>(options: Options, run: (stage: Stage) => Promise<T>): Promise<T> {
  interrupted.signal.throwIfAborted();
  const stage = new Stage(options);
  try {
    return await Promise.race([run(stage), interruption]);
  } finally {
    await stage.end();
  }
}

/** The items that are asked for. */
function wanted<T extends { readonly name: string }>(all: readonly T[], { only }: Options): T[] {
  return all.filter(({ name }) => only.length === 0 || only.includes(name));
}

async function drawCurves(options: Options): Promise<void> {
  for (const curve of wanted(CURVES, options)) {
    console.log(await onStage(options, (stage) => runCurve(curve, stage, options.rounds, say)));
  }
}

async function printTables(options: Options, date: string): Promise<void> {
  const reports: Report[] = [];
  const format = options.markdown ? MARKDOWN : TEXT;
  for (const scenario of wanted(SCENARIOS, options)) {
    const run = (stage: Stage) => runScenario(scenario, stage, options.rounds, say);
    const report = await onStage(options, run);
    console.log(toSection(scenario, report, format));
    reports.push(report);
  }
  if (reports.length > 1) console.log(toSummary(SCENARIOS, reports, format));
  if (options.json) console.log(JSON.stringify({ date, machine: machine(), reports }));
  const failed = reports.some(({ rows }) => rows.some(({ failure }) => failure !== null));
  if (failed) process.exitCode = 1;
}

/** In a process of its own: it puts fake sockets in the place of Node's. */
function countAllocations(): void {
  const program = path.join(path.dirname(fileURLToPath(import.meta.url)), "allocation.ts");
  const { status } = spawnSync(process.execPath, ["--expose-gc", program], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}

try {
  const options = readOptions();
  const date = new Date().toISOString();
  const { title } = options.markdown ? MARKDOWN : TEXT;
  console.log(title(`Measured ${date}, ${machine()}`));
  console.log(`\nLoad average at the start: ${loadAverage().join(" ")}.\n`);
  switch (options.what) {
    case "tables":
      await printTables(options, date);
      break;
    case "growth":
      await drawCurves(options);
      break;
    case "allocation":
      countAllocations();
      break;
    case "breaker": {
      const measured = measureBreakers(options.rounds, say);
      console.log(toTables(measured));
      if (options.json) console.log(toJson(measured));
      break;
    }
  }
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
