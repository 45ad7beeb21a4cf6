import type { Cluster } from "../../model/cluster.ts";
import type { Locality } from "../../model/endpoint.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import type { Client } from "../snapshot/client.ts";
import { outboundClusters } from "../snapshot/outbound/clusters.ts";
import { lookOut } from "../snapshot/outbound/outlook.ts";
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
    const outlook = lookOut(mesh, pods, clientIn(namespace));
    for (const { assignment, cluster } of outboundClusters(outlook)) {
      const { origin } = cluster;
      if (origin === undefined) continue;
      const { file, line, column } = origin.position;
      const localities = (assignment ?? cluster.loadAssignment)?.localities ?? [];
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

/**
 * Clients everywhere hear of a service what its own namespace says of it. Where a namespace says
 * something for itself alone, or of others' services, its clients hear something else.
 */
function namespacesOf({ destinationPolicies, services }: Mesh): ReadonlySet<string> {
  const homes = new Map(services.map(({ host, namespace }) => [host, namespace]));
  const special = new Set(
    destinationPolicies
      .filter((each) => homes.get(each.host) !== each.namespace || !each.exportTo.includes("*"))
      .map(({ namespace }) => namespace),
  );
  const usual = services.find(({ namespace }) => !special.has(namespace));
  return usual === undefined ? special : new Set([usual.namespace, ...special]);
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
