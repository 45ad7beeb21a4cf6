import { type Mesh, matchesLabels, type Pod } from "../../../../model/mesh.ts";
import type { AccessPolicy, PolicyScope } from "../../../../model/policy/access-policy.ts";
import { podsOf, targetPortOf } from "../../../../model/precedence/endpoints.ts";
import { defaultInboundPolicy } from "./default-inbound.ts";

/** The policies that hold for a port of a pod; `port`: undefined for ports that nobody declares. */
export function policiesAt(
  mesh: Mesh,
  pod: Pod,
  port: number | undefined,
): readonly AccessPolicy[] {
  const written = mesh.security.accessPolicies.filter(({ scope }) => {
    return holdsAt(scope, mesh, pod, port);
  });
  return [...written, ...defaultInboundPolicy(mesh, pod, written)];
}

export function holdsAt(
  scope: PolicyScope,
  mesh: Mesh,
  pod: Pod,
  port: number | undefined,
): boolean {
  return holdsForPod(scope, pod) && holdsForPort(scope, mesh, pod, port);
}

/** Ports that policies name, declared or not. */
export function portsNamed(mesh: Mesh, pod: Pod): readonly number[] {
  const scopes = mesh.security.accessPolicies.map(({ scope }) => scope);
  const ports = scopes
    .filter((scope) => holdsForPod(scope, pod))
    .flatMap((scope) => portsOf(scope, pod) ?? []);
  return [...new Set(ports)].sort((left, right) => left - right);
}

export function holdsForPod(
  { namespace, labels, serviceAccount }: PolicyScope,
  pod: Pick<Pod, "namespace" | "labels" | "serviceAccount">,
): boolean {
  return (
    (namespace === undefined || namespace === pod.namespace) &&
    (serviceAccount === undefined || serviceAccount === (pod.serviceAccount || "default")) &&
    matchesLabels(pod.labels, labels)
  );
}

/** By number, or by the names that the pod's containers give them; undefined: all of them. */
function portsOf({ ports, portNames }: PolicyScope, { containers }: Pod) {
  if (ports === undefined && portNames === undefined) return undefined;
  const named = containers
    .flatMap((container) => container.ports)
    .filter(({ name, protocol }) => protocol === "TCP" && portNames?.includes(name))
    .map(({ port }) => port);
  return [...(ports ?? []), ...named];
}

function holdsForPort(scope: PolicyScope, mesh: Mesh, pod: Pod, port: number | undefined): boolean {
  const ports = portsOf(scope, pod);
  const { service } = scope;
  if (ports !== undefined && (port === undefined || !ports.includes(port))) return false;
  return service === undefined || leadsTo(service, mesh, pod, port);
}

/** A service's policy holds where the service leads to, not on the pod's other ports. */
function leadsTo(host: string, mesh: Mesh, pod: Pod, port: number | undefined): boolean {
  return mesh.services
    .filter((service) => service.host === host && podsOf(service, [pod]).length > 0)
    .some((service) => service.ports.some((each) => targetPortOf(pod, each) === port));
}
