import {
  type Labels,
  matchesLabels,
  type Service,
  type StaticEndpoint,
} from "../../../model/mesh.ts";
import type { Spec } from "../spec.ts";
import { checkWorkload, readWorkload } from "./workload-entry.ts";

/** A WorkloadEntry object: an endpoint of the ServiceEntries whose selectors it satisfies. */
export interface Workload {
  readonly namespace: string;
  readonly labels: Labels;
  readonly endpoint: StaticEndpoint;
}

/** One workload, or none where it has no address that can be dialled. */
export function readWorkloads(spec: Spec): Workload[] {
  if (!spec.present) return [];
  checkWorkload(spec, { servicePorts: undefined, namesAllowed: true });
  const endpoint = readWorkload(spec);
  if (endpoint === undefined) return [];
  // Istio selects by the labels of the spec, over those of the object itself.
  const labels = { ...spec.object.labels, ...endpoint.labels };
  return [{ namespace: spec.namespace, labels, endpoint: { ...endpoint, labels } }];
}

/** ServiceEntries with the workloads of their namespace that they select, beside the pods. */
export function addWorkloads(
  services: readonly Service[],
  workloads: readonly Workload[],
): readonly Service[] {
  return services.map((service) => {
    const { selector, namespace, resolution } = service;
    if (selector === undefined || resolution !== "pods") return service;
    const selected = workloads.filter(
      (workload) => workload.namespace === namespace && matchesLabels(workload.labels, selector),
    );
    if (selected.length === 0) return service;
    return { ...service, endpoints: selected.map((workload) => workload.endpoint) };
  });
}
