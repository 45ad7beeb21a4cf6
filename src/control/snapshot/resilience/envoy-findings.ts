import type { Diagnostic } from "../../../base/diagnostic.ts";
import type { Mesh } from "../../../model/mesh.ts";
import { subjectOf } from "../../../model/origin.ts";
import { circuitsOf } from "../../../model/precedence/circuit.ts";
import { hostMatches } from "../../../model/precedence/host.ts";
import { trafficOf } from "../../../model/precedence/service-traffic.ts";
import type { CircuitPolicy } from "../../../model/resilience/circuit-policy.ts";
import { accrualLosses } from "../accrual/envoy-losses.ts";
import { sessionLosses } from "../route/session-losses.ts";
import { lostOnEnvoy } from "./envoy-circuit.ts";

/** What sidecars that are real Envoys do not do of what is asked for: OUT0705 of policies. */
export function envoyLosses(mesh: Mesh): readonly Diagnostic[] {
  const policies = new Set(circuitsOf(mesh).holding.map(({ policy }) => policy));
  const circuits = [...policies].map((policy) => ({
    code: "OUT0705",
    severity: "warning" as const,
    message: `Envoy has no circuits: it gets what comes nearest, without ${lost(mesh, policy)}`,
    position: policy.origin.position,
    subject: subjectOf(policy.origin),
    hint: "docs/circuit-breaker.md says what becomes of each field",
  }));
  return [...circuits, ...accrualLosses(mesh), ...sessionLosses(mesh)];
}

function lost(mesh: Mesh, policy: CircuitPolicy): string {
  const words = lostOnEnvoy(policy, hasOutlier(mesh, policy));
  return words.join("; ");
}

/** Whether something else judges the endpoints of what it guards. */
function hasOutlier(mesh: Mesh, policy: CircuitPolicy): boolean {
  const index = circuitsOf(mesh);
  const guarded = mesh.services.filter((each) => index.ofService(each)?.policy === policy);
  if (guarded.some((each) => trafficOf(each, undefined).failureAccrual !== undefined)) return true;
  const judging = mesh.destinationPolicies.filter(({ subsets, traffic }) =>
    [traffic, ...traffic.ports, ...subsets.map((subset) => subset.traffic)].some(
      (block) => block.outlierDetection !== undefined,
    ),
  );
  return guarded.some(({ host }) => judging.some((rule) => hostMatches(rule.host, host)));
}
