import { type CheckFlags, readCheck } from "../authz/flags.ts";
import { findWorld } from "../authz/world.ts";
import { type Explanation, explain, explanationText } from "../explain/explanation.ts";

const EXPLAINED = 0;
const REFUSED = 2;

/** `outrigger explain`: which route, which cluster, which policy. Resolves with the exit status. */
export async function explainCommand(words: readonly string[], flags: CheckFlags): Promise<number> {
  const { paths, problems, questions } = readCheck(words, flags);
  if (problems.length > 0) return refuse([...problems, "(outrigger explain --help explains)"]);
  const found = await findWorld(paths, flags);
  if ("problems" in found) return refuse(found.problems);
  const answers = questions.map((question): Explanation => explain(found.world, question));
  const text =
    flags.output === "json"
      ? `${JSON.stringify(answers, undefined, 2)}\n`
      : answers.map(explanationText).join("\n");
  process.stdout.write(text);
  return EXPLAINED;
}

function refuse(problems: readonly string[]): number {
  for (const problem of problems) process.stderr.write(`outrigger explain: ${problem}\n`);
  return REFUSED;
}
