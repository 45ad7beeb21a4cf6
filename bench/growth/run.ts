/** Measures curves and writes docs/performance/NAME.svg, with the numbers beside it in NAME.csv. */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../report/report.ts";
import type { Sample } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { type Chart, type Line, toCsv, toSvg } from "./chart.ts";
import type { Curve, CurveMetric } from "./curve.ts";
import type { Series } from "./proxy-series.ts";

const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../docs/performance");

/** `null` for what did not run, which is said. */
async function pointOf(
  series: Series,
  x: number,
  say: (line: string) => void,
): Promise<Sample | null> {
  try {
    return await series.at(x);
  } catch (error) {
    say(`${series.name} at ${x}: ${String(error).split("\n", 2).join(" ")}`);
    return null;
  }
}

/** The median of what a metric makes of the samples. */
function medianOrNull(samples: readonly (Sample | null)[], metric: CurveMetric): number | null {
  const known = samples.filter((sample) => sample !== null).map((sample) => metric.of(sample));
  return known.length === 0 ? null : median(known);
}

/** One proxy's samples, by `x`, by round. */
interface Row {
  readonly name: string;
  readonly samples: (Sample | null)[][];
}

/** Each round measures at one `x` after the other, all proxies at each. */
async function measureCurve(
  curve: Curve,
  stage: Stage,
  rounds: number,
  say: (line: string) => void,
): Promise<Row[]> {
  const all = await curve.series(stage);
  const rows = all.map(({ name }): Row => ({ name, samples: curve.xs.map(() => []) }));
  for (let round = 1; round <= rounds; round++) {
    for (const [column, x] of curve.xs.entries()) {
      if (stage.ended) break;
      say(`${curve.name}: round ${round} of ${rounds}: ${x}`);
      for (const [row, series] of all.entries()) {
        rows[row]?.samples[column]?.push(await pointOf(series, x, say));
      }
    }
  }
  return rows;
}

/** Writes one metric's files; gives the text to print. */
function draw(
  { name, title, xTitle, xs }: Curve,
  metric: CurveMetric,
  rows: readonly Row[],
): string {
  const { suffix, yTitle } = metric;
  const lines = rows.map(
    (row): Line => ({
      name: row.name,
      ys: row.samples.map((samples) => medianOrNull(samples, metric)),
    }),
  );
  const chart: Chart = { title, xTitle, yTitle, xs, lines };
  fs.mkdirSync(FOLDER, { recursive: true });
  fs.writeFileSync(path.join(FOLDER, `${name}${suffix}.svg`), toSvg(chart));
  fs.writeFileSync(path.join(FOLDER, `${name}${suffix}.csv`), toCsv(chart));
  return `== ${name}${suffix}: ${title}, ${yTitle}\n${toCsv(chart)}`;
}

export async function runCurve(
  curve: Curve,
  stage: Stage,
  rounds: number,
  say: (line: string) => void,
): Promise<string> {
  const rows = await measureCurve(curve, stage, rounds, say);
  return curve.metrics.map((metric) => draw(curve, metric, rows)).join("\n");
}
