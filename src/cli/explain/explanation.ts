import { formatPosition } from "../../base/diagnostic.ts";
import { PASSTHROUGH_CLUSTER } from "../../control/snapshot/names.ts";
import type { World } from "../../control/snapshot.ts";
import { subjectOf } from "../../model/origin.ts";
import type { Route } from "../../model/route.ts";
import { Judge } from "../authz/judge.ts";
import type { Question } from "../authz/question.ts";
import { toJson, type VerdictJson, verdictText } from "../authz/report.ts";
import { circuitText } from "./circuit-text.ts";
import { type Leg, type Routing, routingOf } from "./routing.ts";

const LEAVES =
  "no service here has this name and port: the request leaves the mesh, and nobody is asked";

/** One answer of `-o json`. Fields are added, never renamed: builds read it. */
export interface Explanation {
  readonly from: string;
  readonly to: string;
  readonly request: string;
  /** Why the request goes nowhere; else what follows is there. */
  readonly nowhere: string | undefined;
  readonly virtualHost: string | undefined;
  /** Where it is written; of a Service without rules, its name. */
  readonly route: string | undefined;
  /** What the sidecar does where it sends nothing on. */
  readonly answer: string | undefined;
  /** The circuit that the route has, and where it is written: it counts before the clusters'. */
  readonly circuit: string | undefined;
  readonly clusters: readonly ClusterExplanation[];
  readonly notes: readonly string[];
}

interface ClusterExplanation {
  readonly cluster: string;
  /** 0 to 1. */
  readonly share: number;
  readonly pods: number;
  /** The circuit that guards it, and where it is written. */
  readonly circuit: string | undefined;
  readonly verdicts: readonly VerdictJson[];
}

/** Follows a request through the client's sidecar, and asks the sidecars where it arrives. */
export function explain(world: World, question: Question): Explanation {
  const { caller, port, request, service } = question;
  const routing = routingOf(world, question);
  const asked = {
    from: caller === undefined ? "outside" : `${caller.namespace}/${caller.serviceAccount}`,
    to: port === undefined ? service : `${service}:${port}`,
    request: `${request?.method} ${request?.path}`,
  };
  if (typeof routing === "string") {
    const nothing = { virtualHost: undefined, route: undefined, answer: undefined };
    const none = { ...nothing, circuit: undefined, clusters: [], notes: [] };
    return { ...asked, nowhere: routing, ...none };
  }
  return { ...asked, nowhere: undefined, ...followed(routing, question, world) };
}

function followed({ legs, route, virtualHost }: Routing, question: Question, world: World) {
  const judge = new Judge(world);
  return {
    virtualHost,
    route: whereOf(route),
    answer: answerOf(route),
    circuit: route.circuit && circuitText(world.mesh, route.circuit),
    clusters: legs.map((leg) => clusterOf(leg, question, judge, world)),
    notes: notesOf(route),
  };
}

function clusterOf(
  { circuit, cluster, destinations, share }: Leg,
  question: Question,
  judge: Judge,
  { mesh }: World,
): ClusterExplanation {
  const verdicts = destinations.map((each) => judge.judge(question, each));
  const answers = toJson([{ question, verdicts }]);
  return {
    ...{ cluster, share, pods: destinations.length },
    circuit: circuit && circuitText(mesh, circuit),
    verdicts: answers.verdicts,
  };
}

function whereOf({ name, origin }: Route): string {
  if (origin === undefined) return name;
  const path = origin.path === "" ? "" : ` ${origin.path}`;
  return `${subjectOf(origin)}${path} (${formatPosition(origin.position)})`;
}

function answerOf({ action }: Route): string | undefined {
  if (action.kind === "forward") return undefined;
  return action.kind === "redirect" ? `redirect, ${action.status}` : String(action.status);
}

function notesOf({ action }: Route): readonly string[] {
  if (action.kind !== "forward") return [];
  const { clusters, hostRewrite, prefixRewrite, regexRewrite } = action;
  if (clusters.some(({ cluster }) => cluster === PASSTHROUGH_CLUSTER)) return [LEAVES];
  const rewritten = [
    ...(hostRewrite === undefined ? [] : ["Host"]),
    ...(prefixRewrite === undefined && regexRewrite === undefined ? [] : ["path"]),
  ];
  return rewritten.map(
    (what) => `the route rewrites the ${what}; below, policies are asked about the one given here`,
  );
}

export function explanationText(explanation: Explanation): string {
  const { answer, clusters, from, notes, nowhere, request, route, to, virtualHost } = explanation;
  const ofRoute = explanation.circuit;
  const title = `${request} to ${to}, from ${from}`;
  if (nowhere !== undefined) return [title, `    nowhere   ${nowhere}`, ""].join("\n");
  return [
    title,
    `    host      ${virtualHost}`,
    `    route     ${route}`,
    ...(answer === undefined ? [] : [`    answer    ${answer}, of the client's sidecar`]),
    ...(ofRoute === undefined ? [] : [`    circuit   ${ofRoute}`]),
    ...notes.map((note) => `    note      ${note}`),
    ...clusters.flatMap((cluster) => [clusterText(cluster), ...guardText(cluster, ofRoute)]),
    "",
    ...clusters.flatMap(({ verdicts }) => verdicts.map(verdictText)),
  ].join("\n");
}

/** Of both the route's counts. */
function guardText({ circuit }: ClusterExplanation, ofRoute: string | undefined): string[] {
  return circuit === undefined || ofRoute !== undefined ? [] : [`      circuit ${circuit}`];
}

function clusterText({ cluster, pods, share }: ClusterExplanation): string {
  const percent = `${Math.round(1000 * share) / 10}%`;
  const inMesh = cluster.startsWith("outbound|");
  const many = pods === 1 ? "1 pod" : `${pods} pods`;
  const reached = pods === 0 ? "no pod: 503" : many;
  return `    cluster   ${percent} ${cluster}${inMesh ? ` (${reached})` : ""}`;
}
