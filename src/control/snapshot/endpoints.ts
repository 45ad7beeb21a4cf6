import type { Address } from "../../model/address.ts";
import { socketAddress } from "../../model/address.ts";
import type {
  ClusterLoadAssignment,
  Endpoint,
  LocalityEndpoints,
  WorkloadLabels,
} from "../../model/endpoint.ts";
import { NO_LOCALITY, OVERPROVISIONING_FACTOR } from "../../model/endpoint.ts";
import type { Labels, Pod, Service, ServicePort } from "../../model/mesh.ts";
import { endpointsOf, type ServiceEndpoint } from "../../model/precedence/endpoints.ts";
import type { PlacedEndpoint } from "./balance/localities.ts";

/** The addresses behind one service port, or behind one subset of it: who is there, and where. */
export function clusterEndpoints(
  service: Service,
  port: ServicePort,
  subset: Labels,
  pods: readonly Pod[],
  trustDomain: string,
): readonly PlacedEndpoint[] {
  return endpointsOf(service, port, pods, subset).map((found) => ({
    locality: found.locality,
    labels: found.labels,
    endpoint: endpointOf(found, trustDomain),
  }));
}

function endpointOf(found: ServiceEndpoint, trustDomain: string): Endpoint {
  return {
    address: addressOf(found),
    hostname: "",
    hashKey: "",
    health: "healthy",
    weight: found.weight,
    workload: found.pod === undefined ? undefined : workloadLabels(found.pod, trustDomain),
  };
}

export function assignmentOf(
  clusterName: string,
  localities: readonly LocalityEndpoints[],
): ClusterLoadAssignment {
  return { clusterName, localities, overprovisioningFactor: OVERPROVISIONING_FACTOR };
}

/** Endpoints of no place. */
export function loadAssignment(
  clusterName: string,
  endpoints: readonly Endpoint[],
): ClusterLoadAssignment {
  const locality = { locality: NO_LOCALITY, priority: 0, weight: 0, endpoints };
  return assignmentOf(clusterName, endpoints.length === 0 ? [] : [locality]);
}

/** Istio's canonical name and revision, and what its metrics call app and version. */
export function workloadLabels(pod: Pod, trustDomain: string): WorkloadLabels {
  const { labels } = pod;
  const first = (...keys: readonly string[]) =>
    keys.map((key) => labels[key]).find((value) => value !== undefined && value !== "");
  return {
    workload: pod.workload,
    namespace: pod.namespace,
    canonicalName:
      first("service.istio.io/canonical-name", "app.kubernetes.io/name", "app") ?? pod.workload,
    canonicalRevision:
      first("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version") ??
      "latest",
    app: labels.app ?? "",
    version: labels.version ?? "",
    cluster: "Kubernetes",
    principal: principalOf(trustDomain, pod.namespace, pod.serviceAccount),
  };
}

/** `spiffe://cluster.local/ns/default/sa/reviews`. */
export function principalOf(trustDomain: string, namespace: string, account: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${account === "" ? "default" : account}`;
}

/** A WorkloadEntry may name a Unix socket. */
function addressOf({ address, port }: ServiceEndpoint): Address {
  const socket = "unix://";
  if (address.startsWith(socket)) return { kind: "pipe", path: address.slice(socket.length) };
  return socketAddress(address, port);
}
