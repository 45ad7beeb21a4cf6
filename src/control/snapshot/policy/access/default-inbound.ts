import {
  INBOUND_POLICY,
  readInboundPolicy,
} from "../../../../dialects/kubernetes/annotations/inbound-policy.ts";
import { defaultConditions } from "../../../../dialects/linkerd/default-policy.ts";
import type { Mesh, Pod } from "../../../../model/mesh.ts";
import type { Origin } from "../../../../model/origin.ts";
import type { AccessPolicy } from "../../../../model/policy/access-policy.ts";

/**
 * What a pod's annotation, or else its namespace's, says of a port that no Server is about
 * (Linkerd: config.linkerd.io/default-inbound-policy). `found`: the policies of the port.
 */
export function defaultInboundPolicy(
  mesh: Mesh,
  pod: Pod,
  found: readonly AccessPolicy[],
): readonly AccessPolicy[] {
  if (found.some(({ dialect }) => dialect === "linkerd")) return [];
  const namespace = mesh.namespaces.find(({ name }) => name === pod.namespace);
  const policy =
    readInboundPolicy(pod.annotations).policy ??
    readInboundPolicy(namespace?.annotations ?? {}).policy;
  if (policy === undefined || policy === "all-unauthenticated") return [];
  const origin = originOf(mesh, pod);
  return [
    {
      dialect: "linkerd",
      action: "allow",
      scope: { namespace: pod.namespace, labels: {} },
      rules: defaultConditions(policy).map((when) => ({ from: [], to: [], when, origin })),
      dryRun: policy === "audit",
      provider: "",
      origin,
    },
  ];
}

/** The pod's template; a pod without one has no line of its own. */
function originOf({ podTemplates }: Mesh, pod: Pod): Origin {
  const template = podTemplates.find(
    ({ name, namespace }) => name === pod.workload && namespace === pod.namespace,
  );
  const position = template?.origin.position ?? { file: "", line: 0, column: 0 };
  const path = `metadata.annotations["${INBOUND_POLICY}"]`;
  return { position, kind: "Pod", namespace: pod.namespace, name: "default-inbound-policy", path };
}
