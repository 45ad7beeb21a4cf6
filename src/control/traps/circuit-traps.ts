import type { Diagnostic } from "../../base/diagnostic.ts";
import type { HttpRule } from "../../model/http-route-set.ts";
import type { Mesh, Service } from "../../model/mesh.ts";
import { subjectOf } from "../../model/origin.ts";
import { circuitsOf } from "../../model/precedence/circuit.ts";
import type { CircuitPolicy, PolicyFallback } from "../../model/resilience/circuit-policy.ts";
import { methodsOf } from "./methods.ts";
import { trapAt } from "./trap.ts";

/** Circuits whose fallback can answer none of the calls that they guard: OUT0831. */
export function circuitTraps(
  mesh: Pick<Mesh, "circuitBreakers" | "routes" | "services">,
): readonly Diagnostic[] {
  const index = circuitsOf(mesh);
  if (index.isEmpty) return [];
  const rulesOfMesh = mesh.routes.flatMap((set) => set.rules);
  const forwarding = Map.groupBy(
    rulesOfMesh.filter(({ action }) => action.kind === "split"),
    (rule) => index.ofRule(rule)?.policy,
  );
  return (mesh.circuitBreakers ?? []).flatMap((policy) => {
    const guarded = mesh.services.filter((each) => index.ofService(each)?.policy === policy);
    const rules = forwarding.get(policy) ?? [];
    if (takesNoGet(policy, guarded, rules)) return [neverKept(policy, rules)];
    const why = whyNoGrpc(policy.fallback);
    if (why === undefined || guarded.length === 0 || !guarded.every(speaksGrpcAlone)) return [];
    return [mute(policy, guarded, why)];
  });
}

/** Why a fallback has no answer to a gRPC call; undefined: it may have. */
function whyNoGrpc(fallback: PolicyFallback | undefined): string | undefined {
  if (fallback?.kind === "lastGood") return "keeps answers to GET, and gRPC calls are POST";
  if (fallback?.kind !== "static") return undefined;
  const hasStatus = fallback.headers.some(({ name }) => name === "grpc-status");
  return hasStatus ? undefined : "has no grpc-status, so a gRPC client could not read it";
}

/** What is carried as TCP has no circuit, and is no matter. */
function speaksGrpcAlone({ ports }: Service): boolean {
  const http = ports.filter(({ protocol }) => /^(http|grpc|auto)/.test(protocol));
  return http.length > 0 && http.every(({ protocol }) => protocol === "grpc");
}

/** Of a policy that guards rules alone. */
function takesNoGet(
  { fallback }: CircuitPolicy,
  guarded: readonly Service[],
  rules: readonly HttpRule[],
): boolean {
  if (fallback?.kind !== "lastGood" || guarded.length > 0 || rules.length === 0) return false;
  return rules.every(({ matches, origin }) => {
    if (origin.kind === "GRPCRoute") return true;
    return (
      matches.length > 0 && matches.every((match) => methodsOf(match)?.includes("GET") === false)
    );
  });
}

function neverKept({ origin }: CircuitPolicy, rules: readonly HttpRule[]): Diagnostic {
  const routes = [...new Set(rules.map((rule) => subjectOf(rule.origin)))].join(", ");
  return trapAt(origin, {
    code: "OUT0831",
    message: "The fallback answers nobody: it keeps answers to GET, and no rule takes one",
    found: `lastGood for ${routes}`,
    allowed: "a service, or a static answer",
    hint: "take the rule that serves GET as the target, or another fallback",
  });
}

function mute(
  { fallback, origin }: CircuitPolicy,
  guarded: readonly Service[],
  why: string,
): Diagnostic {
  return trapAt(origin, {
    code: "OUT0831",
    message: `The fallback answers nobody: it ${why}, and all that is guarded speaks gRPC`,
    found: `${fallback?.kind} for ${guarded.map(({ name }) => name).join(", ")}`,
    allowed: "a service, or a static answer with the header grpc-status",
    hint: 'write headers: {grpc-status: "14"}, or fallback.service',
  });
}
