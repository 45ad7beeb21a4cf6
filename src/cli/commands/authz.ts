import { destinationsOf } from "../authz/destination.ts";
import { type CheckFlags, readCheck } from "../authz/flags.ts";
import { Judge } from "../authz/judge.ts";
import { type Answer, toJson, toText } from "../authz/report.ts";
import { findWorld } from "../authz/world.ts";

const ALLOWED = 0;
const DENIED = 1;
const REFUSED = 2;

/** `outrigger authz check`. Resolves with the exit status. */
export async function authzCheckCommand(
  words: readonly string[],
  flags: CheckFlags,
): Promise<number> {
  const { paths, problems, questions } = readCheck(words, flags);
  if (problems.length > 0) return refuse([...problems, "(outrigger authz check --help explains)"]);
  const found = await findWorld(paths, flags);
  if ("problems" in found) return refuse(found.problems);
  const { world } = found;
  const judge = new Judge(world);
  const answers: Answer[] = [];
  for (const question of questions) {
    const destinations = destinationsOf(world, question);
    if (typeof destinations === "string") return refuse([destinations]);
    const verdicts = destinations.map((destination) => judge.judge(question, destination));
    answers.push({ question, verdicts });
  }
  const report = toJson(answers);
  const text =
    flags.output === "json" ? `${JSON.stringify(report, undefined, 2)}\n` : toText(report);
  process.stdout.write(text);
  return report.allowed ? ALLOWED : DENIED;
}

function refuse(problems: readonly string[]): number {
  for (const problem of problems) process.stderr.write(`outrigger authz check: ${problem}\n`);
  return REFUSED;
}
