import { readFileSync } from "node:fs";
import { readPolicies } from "../../api/policy-world.ts";
import { formatDiagnostic, hasErrors } from "../../base/diagnostic.ts";
import type { World } from "../../control/snapshot.ts";
import { translate } from "../../control/translate.ts";
import { readSources } from "../../control/watch/documents.ts";
import { destinationsOf } from "../authz/destination.ts";
import { type CheckFlags, readCheck } from "../authz/flags.ts";
import { Judge } from "../authz/judge.ts";
import { type Answer, toJson, toText } from "../authz/report.ts";
import { plannedWorld, withPods } from "../authz/world.ts";

const ALLOWED = 0;
const DENIED = 1;
const REFUSED = 2;
const ANSWER_MS = 10_000;

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

type Found = { readonly world: World } | { readonly problems: readonly string[] };

function findWorld(paths: readonly string[], { control, tokenFile }: CheckFlags): Promise<Found> {
  return control === undefined ? readWorld(paths) : askControl(control, tokenFile);
}

/** The mesh of the files; or why there is none, all at once. */
async function readWorld(paths: readonly string[]): Promise<Found> {
  const { files, diagnostics } = await readSources(paths);
  const mesh = translate(files);
  const found = [...diagnostics, ...mesh.diagnostics];
  if (!hasErrors(found)) return { world: plannedWorld(mesh) };
  const errors = found.filter(({ severity }) => severity === "error");
  return { problems: errors.map(formatDiagnostic) };
}

/** The mesh that a control plane holds now. */
async function askControl(control: string, tokenFile: string | undefined): Promise<Found> {
  try {
    const token = tokenFile === undefined ? undefined : readFileSync(tokenFile, "utf8").trim();
    const answer = await fetch(new URL("/api/policies", control), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await answer.text();
    if (!answer.ok) return { problems: [`--control ${control}: ${answer.status} ${text.trim()}`] };
    const world = readPolicies(text);
    if (world !== undefined) return { world: withPods(world) };
    return { problems: [`--control ${control}: what answers there is no control plane`] };
  } catch (error) {
    const { cause, message } = error as Error;
    const why = cause instanceof Error ? cause.message || message : message;
    return { problems: [`--control ${control}: ${why}`] };
  }
}

function refuse(problems: readonly string[]): number {
  for (const problem of problems) process.stderr.write(`outrigger authz check: ${problem}\n`);
  return REFUSED;
}
