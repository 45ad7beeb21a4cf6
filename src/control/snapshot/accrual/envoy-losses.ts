import type { Diagnostic } from "../../../base/diagnostic.ts";
import type { Mesh, Service } from "../../../model/mesh.ts";
import { subjectOf } from "../../../model/origin.ts";
import type { FailureAccrual } from "../../../model/upstream/failure-accrual.ts";

/** What sidecars that are real Envoys do not do of Linkerd's failure accrual (OUT0314). */
export function accrualLosses({ services }: Pick<Mesh, "services">): readonly Diagnostic[] {
  return services.flatMap((service) => {
    const accrual = service.traffic?.failureAccrual;
    return accrual === undefined ? [] : [lossOf(service, accrual)];
  });
}

function lossOf({ origin }: Service, accrual: FailureAccrual): Diagnostic {
  const lost = [
    "one request on probation",
    "requests that wait for an endpoint",
    "penalties that double",
    ...(accrual.successRate === undefined ? [] : ["429 as a failure"]),
    ...(accrual.honorRetryAfter ? ["Retry-After"] : []),
  ];
  return {
    code: "OUT0314",
    severity: "warning",
    message: `Envoy has no failure accrual: it ejects outliers, without ${lost.join(", ")}`,
    position: origin.position,
    subject: subjectOf(origin),
    path: 'metadata.annotations["balancer.linkerd.io/failure-accrual"]',
    hint: "docs/linkerd.md says what it gets",
  };
}
