/**
 * `npm run bench`: what one plain hop costs, beside Envoy, nginx and HAProxy.
 *
 * A noisy machine is the normal case, so all of them run at once, each round loads one after the
 * other, and only ratios within a round count. Outrigger runs as the built package does.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { tool } from "../test/support/tools.ts";
import { type Contender, contenders, originConfig } from "./contender.ts";
import { type Load, measure, type Sample } from "./load.ts";
import { makeReport, toMarkdown, toText } from "./report.ts";
import { freePort, Running } from "./running.ts";

const USAGE = `npm run bench -- [--quick] [--rounds N] [--seconds N] [--connections N]
                 [--markdown | --json]
--json prints the report as one line of JSON after the table.`;

interface Options {
  readonly load: Load;
  readonly rounds: number;
  readonly json: boolean;
  readonly markdown: boolean;
}

function count(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text}: not a count\n${USAGE}`);
  return value;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
      connections: { type: "string" },
    },
  });
  return {
    load: {
      connections: count(values.connections, 64),
      seconds: count(values.seconds, values.quick ? 2 : 5),
    },
    rounds: count(values.rounds, values.quick ? 3 : 7),
    json: values.json,
    markdown: values.markdown,
  };
}

async function startOrigin(folder: string): Promise<Running> {
  const port = await freePort();
  const file = path.join(folder, "origin.conf");
  fs.writeFileSync(file, originConfig(port));
  return Running.start("origin", port, [tool("nginx"), "-p", folder, "-c", file], folder);
}

async function startContender(
  contender: Contender,
  origin: Running,
  folder: string,
): Promise<Running> {
  const port = await freePort();
  const file = path.join(folder, contender.configName);
  fs.writeFileSync(file, contender.config({ listen: port, origin: origin.port }));
  return Running.start(contender.name, port, [contender.program, ...contender.args(file)], folder);
}

/** Every proxy once a round, in turn; one unmeasured round warms them up. */
async function measureAll(
  proxies: readonly Running[],
  { load, rounds }: Options,
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(proxies.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, port, pid } of proxies) {
      const stage = round === 0 ? "warm-up" : `round ${round} of ${rounds}`;
      process.stderr.write(`bench: ${stage}: ${name}\n`);
      const sample = await measure(port, pid, load);
      if (round > 0) samples.get(name)?.push(sample);
    }
  }
  return samples;
}

async function main(): Promise<void> {
  const options = readOptions();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-bench-"));
  const started: Running[] = [];
  const cleanUp = async (): Promise<void> => {
    await Promise.all(started.map((running) => running.end()));
    fs.rmSync(folder, { recursive: true, force: true });
  };
  process.once("SIGINT", () => void cleanUp().then(() => process.exit(130)));
  process.once("SIGTERM", () => void cleanUp().then(() => process.exit(143)));
  try {
    const origin = await startOrigin(folder);
    started.push(origin);
    const measured = contenders();
    for (const contender of measured) started.push(await startContender(contender, origin, folder));
    const samples = await measureAll(started.slice(1), options);
    const report = makeReport(measured, samples, options.load, options.rounds);
    console.log(options.markdown ? toMarkdown(report) : toText(report));
    if (options.json) console.log(JSON.stringify(report));
  } finally {
    await cleanUp();
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
