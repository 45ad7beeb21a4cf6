import type { Diagnostic } from "../../../base/diagnostic.ts";
import { type Mesh, matchesLabels, type PodTemplate } from "../../../model/mesh.ts";
import { type Origin, subjectOf } from "../../../model/origin.ts";
import { type Guarded, reportAccessPolicies } from "./access-policies.ts";
import { reportPeerSelectors } from "./peer-selectors.ts";

type Described = Guarded & Pick<Mesh, "destinationPolicies" | "egressPolicies">;

/**
 * What only shows beside the pods, which a dialect does not see: whoever has put the mesh
 * together calls this.
 */
export function reportAgainstPods(mesh: Described): Diagnostic[] {
  return [
    ...emptySubsets(mesh),
    ...emptySelectors(mesh),
    ...sharedPods(mesh),
    ...reportAccessPolicies(mesh),
    ...reportPeerSelectors(mesh),
  ];
}

/** IST0173: requests to such a subset get 503 UH. */
function emptySubsets(mesh: Described): Diagnostic[] {
  return mesh.destinationPolicies.flatMap((policy) => {
    const service = mesh.services.find(({ host }) => host === policy.host);
    const selector = service?.selector;
    if (service === undefined || selector === undefined) return [];
    const pods = mesh.podTemplates.filter(
      (pod) => pod.namespace === service.namespace && matchesLabels(pod.labels, selector),
    );
    const isEmpty = (labels: PodTemplate["labels"]): boolean =>
      !pods.some((pod) => matchesLabels(pod.labels, labels)) &&
      !service.endpoints.some((endpoint) => matchesLabels(endpoint.labels, labels));
    return policy.subsets
      .filter((subset) => isEmpty(subset.labels))
      .map((subset) =>
        finding(
          "IST0173",
          `The Subset ${subset.name} defined in the DestinationRule does not select any pods. ` +
            "Which may lead to 503 UH (NoHealthyUpstream).",
          subset.origin,
        ),
      );
  });
}

function podsOf(mesh: Described, policy: Described["egressPolicies"][number]): PodTemplate[] {
  const { selector, namespace } = policy;
  if (selector === undefined || Object.keys(selector).length === 0) return [];
  return mesh.podTemplates.filter(
    (pod) => pod.namespace === namespace && matchesLabels(pod.labels, selector),
  );
}

/** IST0101 for a Sidecar's selector. */
function emptySelectors(mesh: Described): Diagnostic[] {
  return mesh.egressPolicies
    .filter(({ selector }) => selector !== undefined && Object.keys(selector).length > 0)
    .filter((policy) => podsOf(mesh, policy).length === 0)
    .map(({ selector, origin }) => {
      const labels = Object.entries(selector ?? {}).map(([key, value]) => `${key}=${value}`);
      return finding("IST0101", `Referenced selector not found: "${labels.join(",")}"`, origin);
    });
}

/** IST0110: a pod has one Sidecar. */
function sharedPods(mesh: Described): Diagnostic[] {
  return mesh.egressPolicies.flatMap((policy) => {
    const shared = podsOf(mesh, policy).flatMap((pod) => {
      const rivals = mesh.egressPolicies.filter((other) => podsOf(mesh, other).includes(pod));
      return rivals.length < 2 ? [] : [{ pod, rivals }];
    })[0];
    if (shared === undefined) return [];
    const names = shared.rivals.map(({ origin }) => origin.name).join(" ");
    return [
      finding(
        "IST0110",
        `The Sidecars [${names}] in namespace "${policy.namespace}" select the same workload ` +
          `pod "${shared.pod.name}", which can lead to undefined behavior.`,
        policy.origin,
      ),
    ];
  });
}

function finding(code: string, message: string, origin: Origin): Diagnostic {
  const { position, path } = origin;
  return { code, severity: "warning", message, position, subject: subjectOf(origin), path };
}
