import type { Diagnostic } from "../../../base/diagnostic.ts";
import { type Mesh, matchesLabels, type PodTemplate } from "../../../model/mesh.ts";
import { subjectOf } from "../../../model/origin.ts";
import type { PeerAuthentication } from "../../../model/policy/peer-authentication.ts";
import { byAge } from "../../../model/precedence/host.ts";

type Described = Pick<Mesh, "podTemplates" | "security">;

/** KIA0003 and KIA0004: selectors that share a pod, of which one holds, or that select none. */
export function reportPeerSelectors(mesh: Described): Diagnostic[] {
  const narrow = mesh.security.peerAuthentications.filter(
    ({ scope }) => Object.keys(scope.labels).length > 0,
  );
  return narrow.flatMap((policy) => {
    const pods = mesh.podTemplates.filter((pod) => selects(policy, pod));
    if (pods.length === 0) return [finding("KIA0004", NOBODY, policy, UNHEARD)];
    const shared = pods.find((pod) => rivalsFor(narrow, pod).length > 1);
    if (shared === undefined) return [];
    const [winner = policy] = rivalsFor(narrow, shared);
    const pod = subjectOf(shared.origin);
    const message = `More than one PeerAuthentication selects ${pod}; one holds`;
    return [finding("KIA0003", message, policy, whoHolds(policy, winner))];
  });
}

const NOBODY = "No matching workload found for the selector in this namespace";
const UNHEARD = "a PeerAuthentication selects pods of its own namespace alone";

function selects({ scope }: PeerAuthentication, { namespace, labels }: PodTemplate): boolean {
  return scope.namespace === namespace && matchesLabels(labels, scope.labels);
}

/** The one that holds comes first. */
function rivalsFor(all: readonly PeerAuthentication[], pod: PodTemplate): PeerAuthentication[] {
  return all.filter((policy) => selects(policy, pod)).sort(byAge);
}

function whoHolds(policy: PeerAuthentication, winner: PeerAuthentication): string {
  if (policy === winner) return "this one holds: the oldest, then the first by namespace/name";
  const { file, line } = winner.origin.position;
  return `${subjectOf(winner.origin)} (${file}:${line}) holds there, and this one does not`;
}

function finding(
  code: string,
  message: string,
  { origin }: PeerAuthentication,
  hint: string,
): Diagnostic {
  const { position } = origin;
  const path = "spec.selector";
  return { code, severity: "warning", message, position, subject: subjectOf(origin), path, hint };
}
