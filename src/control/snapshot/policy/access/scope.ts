import { type Mesh, matchesLabels, type Pod } from "../../../../model/mesh.ts";
import type { AccessPolicy, PolicyScope } from "../../../../model/policy/access-policy.ts";
import { podsOf, targetPortOf } from "../../../../model/precedence/endpoints.ts";

/** The policies that hold for a port of a pod; `port`: undefined for ports that nobody declares. */
export function policiesAt(
  mesh: Mesh,
  pod: Pod,
  port: number | undefined,
): readonly AccessPolicy[] {
  return mesh.security.accessPolicies.filter(
    ({ scope }) => holdsForPod(scope, pod) && holdsForPort(scope, mesh, pod, port),
  );
}

/** Ports that policies name, declared or not. */
export function portsNamed(mesh: Mesh, pod: Pod): readonly number[] {
  const scopes = mesh.security.accessPolicies.map(({ scope }) => scope);
  const ports = scopes
    .filter((scope) => holdsForPod(scope, pod))
    .flatMap(({ ports = [] }) => ports);
  return [...new Set(ports)].sort((left, right) => left - right);
}

export function holdsForPod(
  { namespace, labels, serviceAccount }: PolicyScope,
  pod: Pick<Pod, "namespace" | "labels" | "serviceAccount">,
): boolean {
  return (
    (namespace === undefined || namespace === pod.namespace) &&
    (serviceAccount === undefined || serviceAccount === pod.serviceAccount) &&
    matchesLabels(pod.labels, labels)
  );
}

function holdsForPort(
  { ports, service }: PolicyScope,
  mesh: Mesh,
  pod: Pod,
  port: number | undefined,
): boolean {
  if (ports !== undefined && (port === undefined || !ports.includes(port))) return false;
  return service === undefined || leadsTo(service, mesh, pod, port);
}

/** A service's policy holds where the service leads to, not on the pod's other ports. */
function leadsTo(host: string, mesh: Mesh, pod: Pod, port: number | undefined): boolean {
  return mesh.services
    .filter((service) => service.host === host && podsOf(service, [pod]).length > 0)
    .some((service) => service.ports.some((each) => targetPortOf(pod, each) === port));
}
