import { describe, expect, it } from "vitest";
import type { Budget, Sample, Scenario } from "../scenario.ts";
import { MARKDOWN, TEXT } from "./format.ts";
import { makeReport, type Outcome, type Report } from "./report.ts";
import { toSummary } from "./summary.ts";
import { toSection } from "./table.ts";

const BUDGET: Budget = { metric: "cpu", max: 0.5, of: "ratio" };

function scenario(budgets: readonly Budget[] = [BUDGET]): Scenario {
  return {
    name: "hop",
    title: "A hop",
    load: "some load",
    metrics: [{ key: "cpu", title: "CPU us/req", digits: 1 }],
    ratios: ["cpu"],
    budgets,
    contenders: async () => [],
  };
}

function outcome(name: string, ...cpu: readonly number[]): Outcome {
  const samples: Sample[] = cpu.map((value) => ({ cpu: value }));
  return { name, version: "1.0", samples, failure: null };
}

function report(outcomes: readonly Outcome[], budgets?: readonly Budget[]): Report {
  const conditions = { rounds: 3, secondsARound: 2, loadAverage: [1, 2, 3] };
  return makeReport(scenario(budgets), outcomes, conditions);
}

describe("a report", () => {
  it("compares within a round, and takes the median of the rounds", () => {
    const { rows } = report([outcome("envoy", 10, 20, 40), outcome("outrigger", 4, 12, 16)]);
    expect(rows[1]?.ratios.cpu).toEqual({ median: 0.4, low: 0.4, high: 0.6 });
    expect(rows[1]?.values.cpu).toBe(12);
  });

  it("refers to the better one of two Envoys", () => {
    const envoys = [outcome("envoy-h1", 20, 20, 20), outcome("envoy-h2", 10, 10, 10)];
    const { rows } = report([...envoys, outcome("outrigger", 6, 6, 6)]);
    expect(rows[0]?.ratios.cpu?.median).toBe(2);
    expect(rows[2]?.ratios.cpu?.median).toBe(0.6);
  });

  it("says whether a budget is met", () => {
    const met = report([outcome("envoy", 10), outcome("outrigger", 5)]);
    const missed = report([outcome("envoy", 10), outcome("outrigger", 6)]);
    expect(met.verdicts[0]?.met).toBe(true);
    expect(missed.verdicts[0]?.met).toBe(false);
  });

  it("judges a budget that is no ratio without Envoy", () => {
    const { verdicts } = report([outcome("outrigger", 7)], [{ ...BUDGET, max: 8, of: "value" }]);
    expect(verdicts[0]).toMatchObject({ measured: 7, met: true });
  });

  it("knows no verdict where Outrigger or Envoy did not run", () => {
    const failed = { ...outcome("outrigger"), failure: "it does not start" };
    expect(report([outcome("envoy", 10), failed]).verdicts[0]?.met).toBeNull();
    expect(report([outcome("outrigger", 5)]).verdicts[0]?.met).toBeNull();
  });
});

describe("a section", () => {
  const outcomes = [outcome("envoy", 10, 10, 10), outcome("outrigger", 6, 6, 7)];

  it("is a table with its conditions and verdicts", () => {
    expect(toSection(scenario(), report(outcomes), MARKDOWN).split("\n")).toEqual([
      "## A hop (hop)",
      "",
      "some load; medians of 3 interleaved rounds of 2 s; load average 1 2 3.",
      "",
      "| proxy | version | CPU us/req | CPU, Envoy = 1 |",
      "| --- | --- | ---: | ---: |",
      "| envoy | 1.0 | 10.0 | 1.00 (1.00-1.00) |",
      "| outrigger | 1.0 | 6.0 | 0.60 (0.60-0.70) |",
      "",
      "- budget: CPU, Envoy = 1, at most 0.5: 0.60 (0.60-0.70), MISSED",
      "",
    ]);
  });

  it("says why something did not run", () => {
    const failed = { ...outcome("outrigger"), failure: "it does not start" };
    const text = toSection(scenario(), report([outcome("envoy", 10), failed]), TEXT);
    expect(text).toContain("outrigger did not run: it does not start");
  });
});

describe("a summary", () => {
  it("has a line for each budget of what ran", () => {
    const ran = report([outcome("envoy", 10), outcome("outrigger", 5)]);
    const lines = toSummary([scenario()], [ran], TEXT).split("\n");
    expect(lines.at(-1)?.split(/\s{2,}/)).toEqual([
      "hop",
      "CPU, Envoy = 1",
      "0.5",
      "0.50 (0.50-0.50)",
      "met",
    ]);
  });
});
