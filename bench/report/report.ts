/** Turns the samples of a scenario's rounds into rows, ratios and verdicts. */
import type { Budget, Sample, Scenario } from "../scenario.ts";

const REFERENCE = /^envoy/;
const OURS = "outrigger";

/** The median of the rounds, and the lowest and the highest of them. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface Row {
  readonly name: string;
  readonly version: string;
  /** Medians by metric; empty where it did not run. */
  readonly values: Sample;
  /** By metric: the value in each round, the reference's in the same round being 1. */
  readonly ratios: Readonly<Record<string, Ratio>>;
  /** Why it did not run. */
  readonly failure: string | null;
}

/** `null` where there is nothing to compare. */
export interface Verdict extends Budget {
  readonly measured: number | null;
  readonly met: boolean | null;
  /** Of the rounds, for a ratio. */
  readonly spread: Ratio | null;
}

export interface Report {
  readonly scenario: string;
  readonly rounds: number;
  /** `null` where a round is a process of its own. */
  readonly secondsARound: number | null;
  readonly loadAverage: readonly number[];
  readonly rows: readonly Row[];
  readonly verdicts: readonly Verdict[];
}

/** What came out for one contender, in the order of the rounds. */
export interface Outcome {
  readonly name: string;
  readonly version: string;
  readonly samples: readonly Sample[];
  readonly failure: string | null;
}

export function makeReport(
  scenario: Scenario,
  outcomes: readonly Outcome[],
  conditions: Pick<Report, "rounds" | "secondsARound" | "loadAverage">,
): Report {
  const rows = outcomes.map((outcome) => ({
    name: outcome.name,
    version: outcome.version,
    values: mediansOf(scenario, outcome.samples),
    ratios: ratiosOf(scenario, outcome, outcomes),
    failure: outcome.failure,
  }));
  const ours = rows.find(({ name }) => name === OURS);
  const verdicts = scenario.budgets.map((budget) => judge(budget, ours));
  return { scenario: scenario.name, ...conditions, rows, verdicts };
}

function mediansOf({ metrics }: Scenario, samples: readonly Sample[]): Sample {
  if (samples.length === 0) return {};
  return Object.fromEntries(
    metrics.map(({ key }) => [key, median(samples.map((sample) => sample[key] ?? Number.NaN))]),
  );
}

function ratiosOf(
  scenario: Scenario,
  { samples }: Outcome,
  outcomes: readonly Outcome[],
): Record<string, Ratio> {
  const ratios: Record<string, Ratio> = {};
  for (const metric of scenario.ratios) {
    const reference = referenceFor(metric, outcomes);
    const rounds = samples.map(
      (sample, round) =>
        (sample[metric] ?? Number.NaN) / (reference[round]?.[metric] ?? Number.NaN),
    );
    if (rounds.length === 0 || rounds.some(Number.isNaN)) continue;
    ratios[metric] = {
      median: median(rounds),
      low: Math.min(...rounds),
      high: Math.max(...rounds),
    };
  }
  return ratios;
}

/** The better Envoy's samples, where Envoy runs with more than one configuration. */
function referenceFor(metric: string, outcomes: readonly Outcome[]): readonly Sample[] {
  const medianOf = ({ samples }: Outcome): number =>
    median(samples.map((sample) => sample[metric] ?? Number.NaN));
  const [best] = outcomes
    .filter(({ name, samples }) => REFERENCE.test(name) && samples.length > 0)
    .toSorted((one, other) => medianOf(one) - medianOf(other));
  return best?.samples ?? [];
}

function judge(budget: Budget, ours: Row | undefined): Verdict {
  const { metric, max, of } = budget;
  const spread = of === "ratio" ? (ours?.ratios[metric] ?? null) : null;
  const measured = (of === "ratio" ? spread?.median : ours?.values[metric]) ?? null;
  return { ...budget, measured, met: measured === null ? null : measured <= max, spread };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
