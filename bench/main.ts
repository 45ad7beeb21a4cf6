/**
 * `npm run bench`: what the data plane costs, beside Envoy and others, as docs/performance.md tells.
 * Outrigger runs as the built package does.
 */
import { parseArgs } from "node:util";
import type { Report } from "./report/report.ts";
import { loadAverage, machine, toMarkdown, toText } from "./report/table.ts";
import { runScenario } from "./run.ts";
import { SCENARIOS } from "./scenario/all.ts";
import type { Scenario } from "./scenario.ts";
import { Stage } from "./stage.ts";

const USAGE = `npm run bench -- [--only NAME]... [--quick] [--rounds N] [--seconds N]
                 [--markdown | --json]
--json prints all reports as one line of JSON after the tables.
Names: ${SCENARIOS.map(({ name }) => name).join(", ")}`;

interface Options {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly seconds: number;
  readonly quick: boolean;
  readonly json: boolean;
  readonly markdown: boolean;
}

function count(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text}: not a count\n${USAGE}`);
  return value;
}

function scenariosNamed(names: readonly string[]): readonly Scenario[] {
  const unknown = names.find((wanted) => SCENARIOS.every(({ name }) => name !== wanted));
  if (unknown !== undefined) throw new Error(`${unknown}: no such benchmark\n${USAGE}`);
  return names.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => names.includes(name));
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
    },
  });
  const { quick, json, markdown } = values;
  return {
    scenarios: scenariosNamed(values.only),
    rounds: count(values.rounds, quick ? 3 : 7),
    seconds: count(values.seconds, quick ? 2 : 5),
    quick,
    json,
    markdown,
  };
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
}

async function onStage(scenario: Scenario, options: Options): Promise<Report> {
  const stage = new Stage(options);
  const leave = new Promise<never>((_, reject) => {
    interrupted.signal.addEventListener("abort", () => reject(interrupted.signal.reason));
  });
  const say = (line: string): void => {
    process.stderr.write(`bench: ${line}\n`);
  };
  try {
    return await Promise.race([runScenario(scenario, stage, options.rounds, say), leave]);
  } finally {
    await stage.end();
  }
}

async function main(): Promise<void> {
  const options = readOptions();
  const date = new Date().toISOString();
  console.log(`${date}, ${machine()}\nload average at the start: ${loadAverage().join(" ")}\n`);
  const reports: Report[] = [];
  for (const scenario of options.scenarios) {
    const report = await onStage(scenario, options);
    console.log((options.markdown ? toMarkdown : toText)(scenario, report));
    reports.push(report);
  }
  if (options.json) console.log(JSON.stringify({ date, machine: machine(), reports }));
  if (reports.some(({ rows }) => rows.some(({ failure }) => failure !== null))) {
    process.exitCode = 1;
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
