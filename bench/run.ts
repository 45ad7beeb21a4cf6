/** Runs one scenario: all contenders at once, each round loads one after the other. */

import { makeReport, type Outcome, type Report } from "./report/report.ts";
import { loadAverage } from "./report/table.ts";
import type { Contender, Measure, Sample, Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

interface Started {
  readonly contender: Contender;
  readonly measure: Measure | null;
  readonly samples: Sample[];
  readonly failure: string | null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function start(contender: Contender): Promise<Started> {
  const samples: Sample[] = [];
  try {
    return { contender, measure: await contender.start(), samples, failure: null };
  } catch (error) {
    return { contender, measure: null, samples, failure: messageOf(error) };
  }
}

/**
 * A noisy machine is the normal case: only ratios within a round count. One unmeasured round warms
 * everything up. What cannot start stands in the report as such; what fails later fails the run.
 */
export async function runScenario(
  scenario: Scenario,
  stage: Stage,
  roundsAsked: number,
  say: (line: string) => void,
): Promise<Report> {
  const rounds = Math.min(roundsAsked, scenario.roundsMax ?? roundsAsked);
  const all: Started[] = [];
  for (const contender of await scenario.contenders(stage)) all.push(await start(contender));
  for (let round = 0; round <= rounds; round++) {
    for (const { contender, measure, samples } of all) {
      if (measure === null) continue;
      const stageOfIt = round === 0 ? "warm-up" : `round ${round} of ${rounds}`;
      say(`${scenario.name}: ${stageOfIt}: ${contender.name}`);
      const sample = await measure();
      if (round > 0) samples.push(sample);
    }
  }
  const conditions = { rounds, secondsARound: stage.pace.seconds, loadAverage: loadAverage() };
  return makeReport(scenario, all.map(outcomeOf), conditions);
}

function outcomeOf({ contender, samples, failure }: Started): Outcome {
  return { name: contender.name, version: contender.version, samples, failure };
}
