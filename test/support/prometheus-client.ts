/**
 * COMMAND that sends requests through the mesh, lets a real Prometheus find and scrape every pod
 * by `OUTRIGGER_SD`, and prints what it answers, as JSON:
 * `node prometheus-client.ts PROMETHEUS URL COUNT NAME=QUERY...`.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countAnswers } from "./counting.ts";
import { eventually, freePort } from "./envoy-process.ts";
import { mortal } from "./mortal.ts";

/** One series of an answer: its labels without the metric's name, and its value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type Answers = Readonly<Record<string, readonly Sample[]>>;

interface QueryAnswer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

const [, , program = "", url = "", count = "1", ...queries] = process.argv;
const folder = mkdtempSync(join(tmpdir(), "outrigger-prometheus-"));
const configFile = join(folder, "prometheus.yaml");
const port = await freePort();
const discovery = process.env.OUTRIGGER_SD ?? "";
const targets = JSON.parse(await read(discovery)) as readonly unknown[];

writeFileSync(
  configFile,
  `global: {scrape_interval: 500ms, scrape_timeout: 500ms}
scrape_configs:
  - job_name: mesh
    http_sd_configs: [{url: "${discovery}", refresh_interval: 1s}]
`,
);
await countAnswers({ url, count: Number(count) });
const prometheus = spawn(
  ...mortal(program, [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=error",
  ]),
  { stdio: ["ignore", "ignore", "inherit"] },
);
try {
  await eventually("every pod scraped", async () => {
    const [scraped] = await ask("count(up == 1)").catch(() => []);
    return scraped?.value === targets.length;
  });
  const answers: Record<string, readonly Sample[]> = {};
  for (const each of queries) {
    const at = each.indexOf("=");
    answers[each.slice(0, at)] = await ask(each.slice(at + 1));
  }
  process.stdout.write(`${JSON.stringify(answers)}\n`);
} finally {
  prometheus.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

async function ask(query: string): Promise<readonly Sample[]> {
  const api = `http://127.0.0.1:${port}/api/v1`;
  const text = await read(`${api}/query?query=${encodeURIComponent(query)}`);
  const { data } = JSON.parse(text) as QueryAnswer;
  return data.result.map(({ metric, value: [, value] }) => ({
    labels: metric,
    value: Number(value),
  }));
}

function read(from: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(from, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    request.on("error", reject);
  });
}
