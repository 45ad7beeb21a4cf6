import type { Cluster } from "../../model/cluster.ts";
import type { Locality } from "../../model/endpoint.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import { outboundConfig } from "../snapshot/build.ts";
import type { Client } from "../snapshot/client.ts";
import type { World } from "../snapshot.ts";

/** A cluster as sidecars of some namespace get it, and what it has to send to. */
export interface EffectiveCluster {
  readonly cluster: Cluster;
  /** The DestinationRule or subset that shapes it, else the service. */
  readonly origin: Origin;
  readonly hosts: number;
  /** Where they are; hosts of which nothing is known are left out. */
  readonly localities: readonly Locality[];
  /** Somebody said what place shall mean for it, if only that it shall mean nothing. */
  readonly saysLocality: boolean;
}

/** Every cluster that clients in any namespace of the mesh have, by what made it. */
export function effectiveClusters({ mesh, pods }: World): readonly EffectiveCluster[] {
  const found = new Map<string, EffectiveCluster>();
  for (const namespace of namespacesOf(mesh)) {
    const { clusters, endpoints } = outboundConfig(mesh, pods, clientIn(namespace));
    const byName = new Map(endpoints.map((each) => [each.clusterName, each.localities]));
    for (const cluster of clusters) {
      const { origin } = cluster;
      if (origin === undefined) continue;
      const { file, line, column } = origin.position;
      const localities = byName.get(cluster.name) ?? cluster.loadAssignment?.localities ?? [];
      const hosts = localities.reduce((sum, each) => sum + each.endpoints.length, 0);
      const places = localities.map(({ locality }) => locality).filter(({ region }) => region);
      const key = JSON.stringify([cluster.name, file, line, column]);
      const saysLocality = isLocalitySaid(mesh, origin);
      found.set(key, { cluster, origin, hosts, localities: places, saysLocality });
    }
  }
  return [...found.values()];
}

function isLocalitySaid(mesh: Mesh, { kind, name, namespace }: Origin): boolean {
  if (mesh.settings.locality !== undefined) return true;
  const rule = mesh.destinationPolicies.find((policy) => {
    const { origin } = policy;
    return origin.kind === kind && origin.name === name && origin.namespace === namespace;
  });
  const blocks = rule === undefined ? [] : [rule, ...rule.subsets].map(({ traffic }) => traffic);
  return blocks
    .flatMap((traffic) => [traffic, ...traffic.ports])
    .some(({ loadBalancer }) => loadBalancer?.locality !== undefined);
}

function namespacesOf({ destinationPolicies, podTemplates, services }: Mesh): ReadonlySet<string> {
  const all = [...services, ...podTemplates, ...destinationPolicies];
  return new Set(all.map(({ namespace }) => namespace));
}

/** A sidecar of ours whose pod has no labels: policies for chosen pods are not asked about. */
function clientIn(namespace: string): Client {
  return {
    namespace,
    labels: {},
    explicitAddress: undefined,
    hasIdentity: true,
    listensAtNames: true,
  };
}
