import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** A real Prometheus that finds its targets by http_sd. */
export class ScrapingPrometheus {
  readonly #discovery: string;
  readonly #port: number;
  readonly #stop: () => void;

  private constructor(discovery: string, port: number, stop: () => void) {
    this.#discovery = discovery;
    this.#port = port;
    this.#stop = stop;
  }

  static async start(program: string, discovery: string): Promise<ScrapingPrometheus> {
    const folder = mkdtempSync(join(tmpdir(), "outrigger-prometheus-"));
    const configFile = join(folder, "prometheus.yaml");
    writeFileSync(
      configFile,
      `global: {scrape_interval: 500ms, scrape_timeout: 500ms}
scrape_configs:
  - job_name: mesh
    http_sd_configs: [{url: "${discovery}", refresh_interval: 1s}]
`,
    );
    const port = await freePort();
    const child = spawn(
      ...mortal(program, [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=error",
      ]),
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    return new ScrapingPrometheus(discovery, port, () => {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** Every target has been scraped at least once. */
  async scrapedAll(): Promise<void> {
    const targets = JSON.parse(await read(this.#discovery)) as readonly unknown[];
    await eventually("every pod scraped", async () => {
      const [scraped] = await this.ask("count(up == 1)").catch(() => []);
      return scraped?.value === targets.length;
    });
  }

  async ask(query: string): Promise<readonly Sample[]> {
    const api = `http://127.0.0.1:${this.#port}/api/v1`;
    const text = await read(`${api}/query?query=${encodeURIComponent(query)}`);
    const { data } = JSON.parse(text) as QueryAnswer;
    return data.result.map(({ metric, value: [, value] }) => ({
      labels: metric,
      value: Number(value),
    }));
  }

  /** `NAME=QUERY` each. */
  async askAll(queries: readonly string[]): Promise<Answers> {
    const answers: Record<string, readonly Sample[]> = {};
    for (const each of queries) {
      const at = each.indexOf("=");
      answers[each.slice(0, at)] = await this.ask(each.slice(at + 1));
    }
    return answers;
  }

  stop(): void {
    this.#stop();
  }
}

export function read(from: string): Promise<string> {
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
