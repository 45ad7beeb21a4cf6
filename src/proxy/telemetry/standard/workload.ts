import type { Node } from "../../../model/bootstrap.ts";
import type { WorkloadLabels } from "../../../model/endpoint.ts";

/** A peer outside the mesh: Istio's metrics say `unknown`, of the revision `latest`. */
export const UNKNOWN_PEER: WorkloadLabels = {
  workload: "",
  namespace: "",
  canonicalName: "",
  canonicalRevision: "",
  app: "",
  version: "",
  cluster: "",
  principal: "",
};

/** Who this proxy is, by the node metadata that Istio's injector writes. */
export function workloadOfNode(node: Node): WorkloadLabels {
  return workloadOfMetadata(node.metadata);
}

/**
 * The labels that metrics need, out of node metadata: NAMESPACE, WORKLOAD_NAME, CLUSTER_ID and
 * LABELS. The canonical name and revision fall back as in Istio's injector
 * (istio: pkg/kube/labels, `CanonicalService`).
 */
export function workloadOfMetadata(metadata: Readonly<Record<string, unknown>>): WorkloadLabels {
  const labels = record(metadata.LABELS);
  const workload = text(metadata.WORKLOAD_NAME);
  const app = text(labels.app);
  const version = text(labels.version);
  return {
    workload,
    namespace: text(metadata.NAMESPACE),
    canonicalName:
      text(labels["service.istio.io/canonical-name"]) ||
      text(labels["app.kubernetes.io/name"]) ||
      app ||
      workload,
    canonicalRevision:
      text(labels["service.istio.io/canonical-revision"]) ||
      text(labels["app.kubernetes.io/version"]) ||
      version,
    app,
    version,
    cluster: text(metadata.CLUSTER_ID),
    principal: "",
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
