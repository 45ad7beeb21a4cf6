/**
 * COMMAND that sends requests through the mesh, lets a real Prometheus find and scrape every pod
 * by `OUTRIGGER_SD`, and prints what it answers, as JSON:
 * `node prometheus-client.ts PROMETHEUS URL COUNT NAME=QUERY...`.
 */
import { countAnswers } from "./counting.ts";
import { ScrapingPrometheus } from "./scraping-prometheus.ts";

const [, , program = "", url = "", count = "1", ...queries] = process.argv;

await countAnswers({ url, count: Number(count) });
const prometheus = await ScrapingPrometheus.start(program, process.env.OUTRIGGER_SD ?? "");
try {
  await prometheus.scrapedAll();
  process.stdout.write(`${JSON.stringify(await prometheus.askAll(queries))}\n`);
} finally {
  prometheus.stop();
}
