/** All budgets of a run, met or missed. */
import type { Scenario } from "../scenario.ts";
import type { Format } from "./format.ts";
import type { Report } from "./report.ts";
import { goalOf, measuredText, verdictText } from "./table.ts";

const HEAD = ["benchmark", "goal", "at most", "measured", "verdict"];
const LEFT_COLUMNS = 2;

export function toSummary(
  scenarios: readonly Scenario[],
  reports: readonly Report[],
  format: Format,
): string {
  const rows = scenarios.flatMap((scenario) => {
    const verdicts = reports.find((report) => report.scenario === scenario.name)?.verdicts ?? [];
    return verdicts.map((verdict) => [
      scenario.name,
      goalOf(scenario, verdict),
      `${verdict.max}`,
      measuredText(verdict),
      verdictText(verdict),
    ]);
  });
  return [format.heading("Budgets"), format.table([HEAD, ...rows], LEFT_COLUMNS)].join("\n\n");
}
