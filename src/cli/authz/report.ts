import { type Origin, subjectOf } from "../../model/origin.ts";
import type { PolicyJudgement, Verdict } from "./judge.ts";
import type { RuleJudgement } from "./misses.ts";
import type { Question } from "./question.ts";

/** What one question came to: pods of a service may answer differently. */
export interface Answer {
  readonly question: Question;
  readonly verdicts: readonly Verdict[];
}

/** Where something was decided, as JSON has it. */
interface DecidedBy {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** `spec.rules[0]`. */
  readonly path: string;
  readonly file: string;
  readonly line: number;
}

/** One verdict of `-o json`. Fields are added, never renamed: builds read it. */
export interface VerdictJson {
  readonly verdict: "allow" | "deny";
  readonly from: string;
  readonly to: string;
  readonly request: string;
  readonly pods: readonly string[];
  /** The container's. */
  readonly port: number;
  readonly because: string;
  readonly responseCodeDetails: string;
  readonly decidedBy: DecidedBy | undefined;
  readonly policies: readonly PolicyJson[];
  readonly notes: readonly string[];
}

interface PolicyJson extends DecidedBy {
  readonly action: string;
  readonly dryRun: boolean;
  readonly matched: boolean;
  readonly rules: readonly (RuleJudgement & Pick<DecidedBy, "file" | "line">)[];
}

/** What `-o json` prints: `allowed` where everything asked is. */
export interface CheckJson {
  readonly allowed: boolean;
  readonly verdicts: readonly VerdictJson[];
}

export function toJson(answers: readonly Answer[]): CheckJson {
  const verdicts = answers.flatMap(({ question, verdicts }) =>
    distinct(verdicts).map((alike) => verdictJson(question, alike)),
  );
  return { allowed: verdicts.every(({ verdict }) => verdict === "allow"), verdicts };
}

/** Pods that answer alike are told together. */
function distinct(verdicts: readonly Verdict[]): readonly (readonly [Verdict, ...Verdict[]])[] {
  const groups = new Map<string, [Verdict, ...Verdict[]]>();
  for (const verdict of verdicts) {
    const { destination, ...rest } = verdict;
    const key = JSON.stringify([destination.servicePort.port, destination.port, rest]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [verdict]);
    else group.push(verdict);
  }
  return [...groups.values()];
}

function verdictJson(question: Question, alike: readonly [Verdict, ...Verdict[]]): VerdictJson {
  const [verdict] = alike;
  const { service, servicePort, port } = verdict.destination;
  const { caller, request } = question;
  return {
    verdict: verdict.allowed ? "allow" : "deny",
    from: caller === undefined ? "outside" : `${caller.namespace}/${caller.serviceAccount}`,
    to: `${service.host}:${servicePort.port}`,
    request: request === undefined ? "TCP" : `${request.method} ${request.path}`,
    pods: alike.map(({ destination: { pod } }) => `${pod.namespace}/${pod.name}`),
    port,
    because: verdict.because,
    responseCodeDetails: verdict.details,
    decidedBy: verdict.decidedBy && placeOf(verdict.decidedBy),
    policies: verdict.policies.map(policyJson),
    notes: verdict.notes,
  };
}

function policyJson({ policy, matched, rules }: PolicyJudgement): PolicyJson {
  return {
    ...placeOf(policy.origin),
    action: policy.action.toUpperCase(),
    dryRun: policy.dryRun,
    matched,
    rules: rules.map((rule) => {
      const { file, line } = placeOf(policy.rules[rule.index]?.origin ?? policy.origin);
      return { ...rule, file, line };
    }),
  };
}

function placeOf({ kind, namespace, name, path, position }: Origin): DecidedBy {
  return { kind, namespace, name, path, file: position.file, line: position.line };
}

/** For people: the word first, then why, then what else holds there. */
export function toText({ verdicts }: CheckJson): string {
  return verdicts.map(verdictText).join("\n");
}

/** One verdict, and what else holds there. */
export function verdictText(verdict: VerdictJson): string {
  const { because, decidedBy, from, notes, pods, request, responseCodeDetails, to } = verdict;
  const [first = "", ...others] = pods;
  const rows: (readonly [string, string])[] = [
    ...(decidedBy === undefined ? [] : [["by", placed(decidedBy)] as const]),
    ["because", because],
    ...(responseCodeDetails === "" ? [] : [["details", responseCodeDetails] as const]),
    ["pods", others.length === 0 ? first : `${first} and ${others.length} more alike`],
    ...notes.map((note) => ["note", note] as const),
  ];
  return [
    `${verdict.verdict}  ${from} -> ${to}  ${request}`,
    ...rows.map(([name, text]) => `    ${name.padEnd(9)} ${text}`),
    ...verdict.policies.flatMap(policyText),
    "",
  ].join("\n");
}

function policyText({ action, dryRun, matched, rules, ...place }: PolicyJson): readonly string[] {
  const kind = dryRun ? `${action} (dry run)` : action;
  const head = `    policy    ${kind} ${placed(place)}: ${matched ? "matches" : "no match"}`;
  const told = rules.map((rule) => {
    const where = `              rules[${rule.index}] (line ${rule.line})`;
    return rule.matched ? `${where} matches` : `${where} wants ${rule.misses.join("; ")}`;
  });
  return [head, ...(rules.length === 0 ? ["              has no rules"] : told)];
}

function placed(place: DecidedBy): string {
  const path = place.path === "" ? "" : ` ${place.path}`;
  return `${subjectOf(place)}${path} (${place.file}:${place.line})`;
}
