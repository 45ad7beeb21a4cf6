import type { DiscoveryTarget } from "../../api/discovery.ts";
import type { Mesh, Pod } from "../../model/mesh.ts";
import { workloadLabels } from "../snapshot/endpoints.ts";

/** Where every sidecar serves its own and the app's metrics, on the pod's address. */
const METRICS_PORT = 15020;

/** One target a pod, with the labels that Prometheus' Kubernetes discovery would add. */
export function discoveryTargets(mesh: Mesh, pods: readonly Pod[]): readonly DiscoveryTarget[] {
  return pods.map((pod) => discoveryTarget(pod, mesh));
}

function discoveryTarget(pod: Pod, mesh: Mesh): DiscoveryTarget {
  const { workload, namespace, canonicalName, canonicalRevision, app, version } = workloadLabels(
    pod,
    mesh.settings.trustDomain,
  );
  const host = pod.address.includes(":") ? `[${pod.address}]` : pod.address;
  return {
    targets: [`${host}:${METRICS_PORT}`],
    labels: {
      __metrics_path__: "/stats/prometheus",
      namespace,
      pod: pod.name,
      workload,
      app,
      version,
      canonical_service: canonicalName,
      canonical_revision: canonicalRevision,
      service_account: pod.serviceAccount,
    },
  };
}
