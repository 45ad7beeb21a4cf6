import { isPastSidecar } from "../../control/snapshot/mutual-tls/past-sidecar.ts";
import { accessActionOf, readingOf } from "../../control/snapshot/policy/access/access-rbacs.ts";
import {
  isNamed,
  ruleName,
  unaskedName,
} from "../../control/snapshot/policy/access/rule-policy.ts";
import { policiesAt } from "../../control/snapshot/policy/access/scope.ts";
import { SnapshotStore, type World } from "../../control/snapshot.ts";
import type { Rbac } from "../../model/filter/rbac.ts";
import type { FilterChain, HttpConnectionManager, Listener } from "../../model/listener.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import type { AccessPolicy } from "../../model/policy/access-policy.ts";
import {
  type PeerMode,
  peerModeOf,
  peerModes,
} from "../../model/precedence/peer-authentication.ts";
import { arrivingHeaders } from "../../proxy/filters/rbac/arriving-headers.ts";
import { type DescribedRequest, decideRbac } from "../../proxy/filters/rbac/decide.ts";
import { normalizePath } from "../../proxy/route/path.ts";
import type { Destination } from "./destination.ts";
import { judgeRule, type RuleJudgement } from "./misses.ts";
import { forwardedIp, type Question } from "./question.ts";

/** What the pod's own sidecar would answer. */
export interface Verdict {
  readonly destination: Destination;
  readonly allowed: boolean;
  /** Envoy's response code details of a refusal; empty where it is let through. */
  readonly details: string;
  /** What decided: the line of a rule, a policy or a mode; undefined: nothing speaks against it. */
  readonly decidedBy: Origin | undefined;
  /** One sentence. */
  readonly because: string;
  /** Every policy that holds there, in the order of the files. */
  readonly policies: readonly PolicyJudgement[];
  readonly notes: readonly string[];
}

export interface PolicyJudgement {
  readonly policy: AccessPolicy;
  readonly matched: boolean;
  readonly rules: readonly RuleJudgement[];
}

type Decision = Pick<Verdict, "allowed" | "details" | "decidedBy" | "because">;

/** Asks the sidecars of a world, each by the configuration that it would get. */
export class Judge {
  readonly #world: World;
  readonly #snapshots = new SnapshotStore();

  constructor(world: World) {
    this.#world = world;
    this.#snapshots.setWorld(world);
  }

  judge(question: Question, destination: Destination): Verdict {
    const { mesh } = this.#world;
    const { pod, port } = destination;
    if (isPastSidecar(pod, port)) return unguarded(destination);
    const mode = peerModeOf(peerModes(mesh, pod), port);
    const chain = this.#chainOf(destination, question.request === undefined);
    if (chain === undefined)
      return refused(destination, `no configuration is to be had for ${port}`);
    const described = describe(question, destination, mesh, mode, chain);
    if (typeof described === "string") {
      return refused(destination, described, "path_normalization_failed");
    }
    const carriage = chain.filter.kind === "http" ? "http" : "tcp";
    const policies = policiesAt(mesh, pod, port);
    const judged = policies.map((policy) => judgePolicy(policy, described, mesh, carriage));
    const notes = notesOf(question, chain, policies, judged);
    const by = transportDecision(question, mode) ?? rbacDecision(rbacsOf(chain), described, judged);
    return { destination, ...by, policies: judged, notes };
  }

  /** The chain that carries such a connection; all that differ by TLS ask the same. */
  #chainOf({ pod, port }: Destination, asTcp: boolean): FilterChain | undefined {
    const { name, namespace, address, labels } = pod;
    const snapshot = this.#snapshots.snapshotFor({
      id: `sidecar~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
      cluster: `${name}.${namespace}`,
      metadata: { NAME: name, NAMESPACE: namespace, LABELS: labels, OUTRIGGER: { identity: true } },
      userAgentName: "outrigger",
    });
    const chains = (snapshot?.listeners ?? []).filter(isInbound).flatMap(chainsOf);
    const own = chains.filter(({ match }) => match.destinationPort === port);
    const wanted = asTcp ? "tcp" : "http";
    return own.find(({ filter }) => filter.kind === wanted) ?? own[0];
  }
}

function refused(destination: Destination, because: string, details = ""): Verdict {
  const nothing = { policies: [], notes: [], decidedBy: undefined };
  return { destination, allowed: false, details, because, ...nothing };
}

/** Whoever reads a refusal of policies there would rely on it. */
function unguarded(destination: Destination): Verdict {
  const because = `no sidecar is at port ${destination.port} of the pod, so that no policy holds`;
  const nothing = { policies: [], notes: [], details: "", decidedBy: undefined };
  return { destination, allowed: true, because, ...nothing };
}

function isInbound({ direction }: Listener): boolean {
  return direction === "inbound";
}

function chainsOf({ filterChains, defaultFilterChain }: Listener): readonly FilterChain[] {
  return defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
}

function rbacsOf(chain: FilterChain | undefined): readonly Rbac[] {
  if (chain === undefined) return [];
  const { filter } = chain;
  if (filter.kind === "tcp") return filter.rbac ?? [];
  return filter.httpFilters.flatMap((each) => (each.kind === "rbac" ? [each.rbac] : []));
}

const JWT = "envoy.filters.http.jwt_authn";

/** A text says why no such request comes in. */
function describe(
  question: Question,
  { pod, port, servicePort }: Destination,
  mesh: Mesh,
  mode: PeerMode,
  chain: FilterChain | undefined,
): DescribedRequest | string {
  const { caller, request, remoteIp, serverName, sourceIp } = question;
  const { trustDomain } = mesh.settings;
  const proves = caller !== undefined && mode.mode !== "disable";
  const principal = `spiffe://${trustDomain}/ns/${caller?.namespace}/sa/${caller?.serviceAccount}`;
  const clientIp = remoteIp ?? (request && forwardedIp(request));
  const connection = {
    ...(proves ? { principal } : {}),
    ...(sourceIp === undefined ? {} : { sourceIp }),
    ...(clientIp === undefined ? {} : { remoteIp: clientIp }),
    ...(serverName === undefined ? {} : { serverName }),
    destinationIp: pod.address,
    destinationPort: port,
  };
  if (request === undefined || chain?.filter.kind !== "http") return connection;
  const path = pathOf(request.path, chain.filter);
  if (path === undefined) return `the path ${request.path} cannot be read: the answer is 400`;
  const given = request.headers.find(([name]) => name.toLowerCase() === "host");
  const { claims } = request;
  return {
    ...connection,
    method: request.method,
    path,
    host: given?.[1] ?? hostOf(question.service, servicePort.port),
    headers: arrivingHeaders(
      {
        headers: request.headers.filter((header) => header !== given),
        claims,
        principal: proves ? principal : undefined,
      },
      chain.filter,
    ),
    ...(claims === undefined ? {} : { metadata: { [JWT]: { payload: claims } } }),
  };
}

/** As clients write it; 80 is the scheme's own port. */
function hostOf(service: string, port: number): string {
  return port === 80 ? service : `${service}:${port}`;
}

function pathOf(path: string, manager: HttpConnectionManager): string | undefined {
  return normalizePath(path, manager)?.path;
}

/** Refused before any policy is asked. */
function transportDecision({ caller }: Question, mode: PeerMode): Decision | undefined {
  if (caller !== undefined || mode.mode !== "strict") return undefined;
  return {
    allowed: false,
    details: "",
    decidedBy: mode.origin,
    because:
      "the port takes mTLS alone (STRICT), and a caller outside has no certificate of the mesh",
  };
}

/** One set of rules after the other, as the filters stand; the first refusal ends it. */
function rbacDecision(
  rbacs: readonly Rbac[],
  request: DescribedRequest,
  judged: readonly PolicyJudgement[],
): Decision {
  const policies = judged.map(({ policy }) => policy);
  let allowedBy: string | undefined;
  for (const rbac of rbacs) {
    const made = decideRbac(rbac, request).enforced;
    if (made === undefined || rbac.rules === undefined) continue;
    if (made.allowed) {
      if (rbac.rules.action === "allow") allowedBy = made.policy;
      continue;
    }
    const details = `rbac_access_denied_matched_policy[${made.policy ?? "none"}]`;
    const decidedBy = originOf(made.policy, policies);
    const because = made.policy === undefined ? unmatched(judged) : `${made.policy} matches`;
    return { allowed: false, details, decidedBy, because };
  }
  const because = allowedBy === undefined ? "no policy speaks against it" : `${allowedBy} matches`;
  return { allowed: true, details: "", decidedBy: originOf(allowedBy, policies), because };
}

const DIALECTS: Readonly<Record<AccessPolicy["dialect"], string>> = {
  istio: "Istio's",
  linkerd: "Linkerd's",
  smi: "SMI's",
};

/** Each dialect has to agree: where several hold, one of them has no rule that matches. */
function unmatched(judged: readonly PolicyJudgement[]): string {
  const allowing = judged.filter(({ policy }) => policy.action === "allow" && !policy.dryRun);
  const dialects = new Set(allowing.map(({ policy }) => policy.dialect));
  for (const { matched, policy } of allowing) if (matched) dialects.delete(policy.dialect);
  const [closed] = dialects;
  const several = allowing.some(({ policy }) => policy.dialect !== closed);
  return closed === undefined || !several
    ? "there are ALLOW policies, and no rule of theirs matches"
    : `${DIALECTS[closed]} ALLOW policies have no rule that matches`;
}

/** The line of the rule that a name of the engine's stands for. */
function originOf(name: string | undefined, policies: readonly AccessPolicy[]): Origin | undefined {
  if (name === undefined) return undefined;
  for (const policy of policies) {
    const nameOf = policy.action === "custom" ? unaskedName : ruleName;
    const index = policy.rules.findIndex((_, at) => isNamed(name, nameOf(policy, at)));
    if (index >= 0) return policy.rules[index]?.origin;
  }
  return undefined;
}

function judgePolicy(
  policy: AccessPolicy,
  request: DescribedRequest,
  { settings }: Mesh,
  carriage: "http" | "tcp",
): PolicyJudgement {
  const reading = readingOf(policy.action, settings, carriage);
  const asking = { reading, action: accessActionOf(policy.action), request };
  const rules = policy.rules.map((rule, index) => judgeRule(rule, index, asking));
  return { policy, rules, matched: rules.some(({ matched }) => matched) };
}

/** An external authorizer, whose answer nobody knows here. */
function asksOthers(chain: FilterChain | undefined): boolean {
  if (chain?.filter.kind !== "http") return false;
  return chain.filter.httpFilters.some(({ kind }) => kind === "extAuthz");
}

function notesOf(
  { request }: Question,
  chain: FilterChain | undefined,
  policies: readonly AccessPolicy[],
  judged: readonly PolicyJudgement[],
): readonly string[] {
  const notes: string[] = [];
  const kind = chain?.filter.kind;
  if (request !== undefined && kind === "tcp") {
    notes.push("the port is TCP: what is judged is the connection, not the request");
  }
  if (request === undefined && kind === "http") {
    notes.push("the port speaks HTTP: a connection that carries none gets no further");
  }
  for (const { policy, matched } of judged) {
    const name = `${policy.origin.namespace}/${policy.origin.name}`;
    if (matched && policy.action === "custom" && asksOthers(chain)) {
      notes.push(`${name} asks "${policy.provider}" as well, which may refuse`);
    }
    if (matched && policy.dryRun) notes.push(`${name} is a dry run: it is counted, not enforced`);
  }
  if (policies.length === 0) notes.push("no policy holds for this workload");
  return notes;
}
