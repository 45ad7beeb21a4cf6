/** Runs one scenario: all contenders at once, each round loads one after the other. */
import { makeReport, type Outcome, type Report } from "./report/report.ts";
import { loadAverage } from "./report/table.ts";
import type { Contender, Measure, Sample, Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** In one line: what did not start, and the first error that it told of. */
function messageOf(error: unknown): string {
  const [what = "", ...log] = String(error).split("\n");
  const told = log.find((line) => /error/i.test(line)) ?? log[0] ?? "";
  return `${what} ${told.trim()}`.trim();
}

/** A contender on its way through the rounds, until it fails. */
class Entrant {
  readonly #contender: Contender;
  readonly #samples: Sample[] = [];
  #measure: Measure | null = null;
  #failure: string | null = null;

  constructor(contender: Contender) {
    this.#contender = contender;
  }

  get name(): string {
    return this.#contender.name;
  }

  get runs(): boolean {
    return this.#measure !== null && this.#failure === null;
  }

  get outcome(): Outcome {
    const { name, version } = this.#contender;
    return { name, version, samples: this.#samples, failure: this.#failure };
  }

  async start(): Promise<void> {
    await this.#attempt(async () => {
      this.#measure = await this.#contender.start();
    });
  }

  async measure(counts: boolean): Promise<void> {
    await this.#attempt(async () => {
      const sample = await this.#measure?.();
      if (counts && sample !== undefined) this.#samples.push(sample);
    });
  }

  async #attempt(what: () => Promise<void>): Promise<void> {
    try {
      await what();
    } catch (error) {
      this.#failure = messageOf(error);
    }
  }
}

/**
 * A noisy machine is the normal case: only ratios within a round count. One unmeasured round warms
 * up what goes on running. What cannot start or fails stands in the report as such, and is left out
 * from there on.
 */
export async function runScenario(
  scenario: Scenario,
  stage: Stage,
  roundsAsked: number,
  say: (line: string) => void,
): Promise<Report> {
  const { freshRoundsMax } = scenario;
  const rounds = Math.min(roundsAsked, freshRoundsMax ?? roundsAsked);
  const entrants = (await scenario.contenders(stage)).map((contender) => new Entrant(contender));
  for (const entrant of entrants) await entrant.start();
  for (let round = freshRoundsMax === undefined ? 0 : 1; round <= rounds; round++) {
    for (const entrant of entrants.filter(({ runs }) => runs)) {
      if (stage.ended) break;
      const which = round === 0 ? "warm-up" : `round ${round} of ${rounds}`;
      say(`${scenario.name}: ${which}: ${entrant.name}`);
      await entrant.measure(round > 0);
    }
  }
  const secondsARound = freshRoundsMax === undefined ? stage.pace.seconds : null;
  const conditions = { rounds, secondsARound, loadAverage: loadAverage() };
  const outcomes = entrants.map(({ outcome }) => outcome);
  return makeReport(scenario, outcomes, conditions);
}
