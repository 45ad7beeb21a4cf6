import type { Diagnostic } from "../../../base/diagnostic.ts";
import type { Mesh, Pod, PodTemplate } from "../../../model/mesh.ts";
import { subjectOf } from "../../../model/origin.ts";
import type { AccessPolicy } from "../../../model/policy/access-policy.ts";
import { inboundPorts } from "../inbound/ports.ts";
import { readingOf } from "./access/access-rbacs.ts";
import { rulePolicy } from "./access/rule-policy.ts";
import { holdsAt } from "./access/scope.ts";

/**
 * OUT0311: ALLOW policies that ask about requests on ports that carry none. They are legal, and
 * close the port; mostly somebody forgot that it is there.
 */
export function tcpFindings(mesh: Mesh): readonly Diagnostic[] {
  const allowing = mesh.security.accessPolicies.filter(
    ({ action, dryRun, rules }) => action === "allow" && !dryRun && rules.length > 0,
  );
  const closing = allowing.filter((policy) => rulesOnTcp(policy, mesh) === 0);
  if (closing.length === 0) return [];
  const ports = tcpPorts(mesh);
  return closing.flatMap((policy) => {
    const closed = ports.filter(({ pod, port }) => holdsAt(policy.scope, mesh, pod, port));
    const [first, ...others] = closed;
    if (first === undefined) return [];
    const { pod, port } = first;
    const more = others.length === 0 ? "" : `, and at ${others.length} more`;
    return [
      {
        code: "OUT0311",
        severity: "warning",
        message:
          `No rule of this ALLOW policy lets a TCP connection through: all ask about requests; ` +
          `port ${port} of ${pod.namespace}/${pod.workload}${more} carries connections`,
        position: policy.origin.position,
        subject: subjectOf(policy.origin),
        hint: "add a rule with `to.operation.ports`, or select other pods",
      },
    ];
  });
}

function rulesOnTcp(policy: AccessPolicy, { settings }: Mesh): number {
  const reading = readingOf(policy.action, settings, "tcp");
  return policy.rules.filter((rule) => rulePolicy("", rule, reading) !== undefined).length;
}

interface TcpPort {
  readonly pod: Pod;
  readonly port: number;
}

function tcpPorts({ podTemplates, services }: Mesh): readonly TcpPort[] {
  return podTemplates.map(podOf).flatMap((pod) =>
    inboundPorts(
      pod,
      services.filter(({ namespace }) => namespace === pod.namespace),
    )
      .filter(({ carriage }) => carriage === "tcp")
      .map(({ port }) => ({ pod, port })),
  );
}

function podOf(template: PodTemplate): Pod {
  const { annotations, containers, labels, name, namespace, serviceAccount } = template;
  return {
    name,
    namespace,
    labels,
    annotations,
    containers,
    serviceAccount,
    workload: name,
    address: "",
    ready: true,
    appSockets: undefined,
  };
}
