import type { Address } from "../../model/address.ts";
import { socketAddress } from "../../model/address.ts";
import type {
  ClusterLoadAssignment,
  Endpoint,
  LocalityEndpoints,
  WorkloadLabels,
} from "../../model/endpoint.ts";
import { NO_LOCALITY, OVERPROVISIONING_FACTOR } from "../../model/endpoint.ts";
import type { Labels, Pod } from "../../model/mesh.ts";
import { endpointsOf, type ServiceEndpoint } from "../../model/precedence/endpoints.ts";
import type { PlacedEndpoint } from "./balance/localities.ts";
import { TAKES_MESH_TLS, takesTls } from "./mutual-tls/reach.ts";
import type { TransportInput } from "./mutual-tls/transport.ts";
import { principalOf } from "./mutual-tls/trust.ts";
import { cannotBeMutual, whyUnreachable } from "./mutual-tls/unreachable.ts";

/** What is asked for: a service port, or a subset of it, as one client reaches it. */
export type EndpointsInput = Omit<TransportInput, "discovery" | "protocol" | "subset"> & {
  /** Labels of the subset. */
  readonly labels: Labels;
};

/** The addresses behind one service port, or behind one subset of it: who is there, and where. */
export function clusterEndpoints(input: EndpointsInput): readonly PlacedEndpoint[] {
  const { client, labels, pods, port, service } = input;
  // An Envoy would not heed why they are out of reach, and send in plaintext.
  if (!client.listensAtNames && cannotBeMutual(input)) return [];
  return endpointsOf(service, port, pods, labels).map((found) => ({
    locality: found.locality,
    labels: found.labels,
    endpoint: endpointOf(found, input),
  }));
}

function endpointOf(found: ServiceEndpoint, input: EndpointsInput): Endpoint {
  const { trustDomain } = input.mesh.settings;
  const unreachable = whyUnreachable(input, found);
  return {
    ...(takesTls(input.mesh, found) ? { transportSocketMatch: TAKES_MESH_TLS } : {}),
    ...(unreachable === undefined ? {} : { unreachable }),
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

/** A WorkloadEntry may name a Unix socket. */
function addressOf({ address, port }: ServiceEndpoint): Address {
  const socket = "unix://";
  if (address.startsWith(socket)) return { kind: "pipe", path: address.slice(socket.length) };
  return socketAddress(address, port);
}
