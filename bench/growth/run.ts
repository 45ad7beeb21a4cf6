/** Measures curves and writes docs/performance/NAME.svg, with the numbers beside it in NAME.csv. */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../report/report.ts";
import type { Stage } from "../stage.ts";
import { type Chart, type Line, toCsv, toSvg } from "./chart.ts";
import type { Curve } from "./curve.ts";
import type { ProxySeries } from "./proxy-series.ts";

const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../docs/performance");

const Y_TITLE = "CPU us a request";

/** `null` for what did not run, which is said. */
async function pointOf(
  series: ProxySeries,
  x: number,
  say: (line: string) => void,
): Promise<number | null> {
  try {
    return await series.at(x);
  } catch (error) {
    say(`${series.name} at ${x}: ${String(error).split("\n", 2).join(" ")}`);
    return null;
  }
}

function medianOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : median(known);
}

/** Each round measures at one `x` after the other, all proxies at each. */
async function measureCurve(
  curve: Curve,
  stage: Stage,
  rounds: number,
  say: (line: string) => void,
): Promise<Line[]> {
  const all = await curve.series(stage);
  const values = all.map(() => curve.xs.map((): (number | null)[] => []));
  for (let round = 1; round <= rounds; round++) {
    for (const [column, x] of curve.xs.entries()) {
      if (stage.ended) break;
      say(`${curve.name}: round ${round} of ${rounds}: ${x}`);
      for (const [row, series] of all.entries()) {
        values[row]?.[column]?.push(await pointOf(series, x, say));
      }
    }
  }
  return all.map(({ name }, row) => ({ name, ys: (values[row] ?? []).map(medianOrNull) }));
}

export async function runCurve(
  curve: Curve,
  stage: Stage,
  rounds: number,
  say: (line: string) => void,
): Promise<string> {
  const { title, xTitle, xs } = curve;
  const lines = await measureCurve(curve, stage, rounds, say);
  const chart: Chart = { title, xTitle, yTitle: Y_TITLE, xs, lines };
  fs.mkdirSync(FOLDER, { recursive: true });
  fs.writeFileSync(path.join(FOLDER, `${curve.name}.svg`), toSvg(chart));
  fs.writeFileSync(path.join(FOLDER, `${curve.name}.csv`), toCsv(chart));
  return `== ${curve.name}: ${title}, ${Y_TITLE}\n${toCsv(chart)}`;
}
