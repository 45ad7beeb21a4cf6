import { LOCALITY_LABELS } from "../../model/balance/locality.ts";
import type { DestinationPolicy } from "../../model/destination-policy.ts";
import type { EgressPolicy, Labels, Mesh, OutboundTrafficPolicy } from "../../model/mesh.ts";
import { matchesLabels } from "../../model/mesh.ts";

/** Whose outbound configuration is made: all that it depends on, besides the mesh. */
export interface Client {
  readonly namespace: string;
  readonly labels: Labels;
  /** Explicit mode: the pod's own address, where its listeners are and its sockets start. */
  readonly explicitAddress: string | undefined;
  /** It has a certificate of the mesh: it can speak mTLS. */
  readonly hasIdentity: boolean;
  /** Ours: its listeners may wait at names. Envoy's wait at addresses alone. */
  readonly listensAtNames: boolean;
}

/** Istio's order: the Sidecar that selects the pod, the namespace's, the root namespace's. */
export function outboundTrafficPolicyFor(mesh: Mesh, client: Client): OutboundTrafficPolicy {
  const { rootNamespace, outboundTrafficPolicy } = mesh.settings;
  const own = mesh.egressPolicies.filter((policy) => policy.namespace === client.namespace);
  const selecting = own.find(
    ({ selector }) => selector !== undefined && matchesLabels(client.labels, selector),
  );
  const found = selecting ?? withoutSelector(own) ?? withoutSelector(inRoot(mesh, rootNamespace));
  return found?.outboundTrafficPolicy ?? outboundTrafficPolicy;
}

function withoutSelector(policies: readonly EgressPolicy[]): EgressPolicy | undefined {
  return policies.find((policy) => policy.selector === undefined);
}

function inRoot(mesh: Mesh, rootNamespace: string): readonly EgressPolicy[] {
  return mesh.egressPolicies.filter((policy) => policy.namespace === rootNamespace);
}

/** Those of a pod's labels that some policy or route asks for; all else makes no difference. */
export function relevantLabels(mesh: Mesh, labels: Labels): Labels {
  const keys = labelKeys(mesh);
  const entries = Object.entries(labels).filter(([key]) => keys.has(key));
  return Object.fromEntries(entries.sort());
}

const KEYS = new WeakMap<Mesh, ReadonlySet<string>>();

function labelKeys(mesh: Mesh): ReadonlySet<string> {
  const known = KEYS.get(mesh);
  if (known !== undefined) return known;
  const selectors = [
    ...mesh.egressPolicies.map((policy) => policy.selector),
    ...mesh.destinationPolicies.map((policy) => policy.selector),
    ...[...mesh.routes, ...mesh.connectionRoutes].flatMap((set) =>
      set.rules.flatMap(({ matches }) => matches.map(({ sourceLabels }) => sourceLabels)),
    ),
  ];
  const priorities = mesh.destinationPolicies.flatMap(priorityLabels);
  const ofMesh = keysOf(mesh.settings.locality?.failoverPriority ?? []);
  const selected = selectors.flatMap((selector) => Object.keys(selector ?? {}));
  const keys = new Set([...selected, ...priorities, ...ofMesh, ...LOCALITY_LABELS]);
  KEYS.set(mesh, keys);
  return keys;
}

/** What `failoverPriority` compares, in a policy, its ports and its subsets. */
function priorityLabels({ traffic, subsets }: DestinationPolicy): readonly string[] {
  const all = [traffic, ...subsets.map((subset) => subset.traffic)];
  const blocks = all.flatMap((each) => [each, ...each.ports]);
  return blocks.flatMap(({ loadBalancer }) =>
    keysOf(loadBalancer?.locality?.failoverPriority ?? []),
  );
}

function keysOf(priority: readonly string[]): readonly string[] {
  return priority.map((label) => label.split("=")[0] ?? "");
}
