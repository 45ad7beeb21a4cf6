import type { HashPolicy } from "../../../model/balance/hash-policy.ts";
import type { Cluster } from "../../../model/cluster.ts";
import type { PolicyBlocks, Subset } from "../../../model/destination-policy.ts";
import type { ClusterLoadAssignment } from "../../../model/endpoint.ts";
import { type RouteDecision, routeSetsFor } from "../../../model/precedence/route.ts";
import { trafficOf } from "../../../model/precedence/service-traffic.ts";
import { withAccrual } from "../accrual/accrual.ts";
import { localitiesFor } from "../balance/localities.ts";
import { localityRulesOf } from "../balance/policy.ts";
import { blackHoleCluster, discoveryOf, outboundCluster, passthroughCluster } from "../clusters.ts";
import { assignmentOf, clusterEndpoints } from "../endpoints.ts";
import { clusterTransport } from "../mutual-tls/transport.ts";
import { guardedCluster } from "../resilience/circuits.ts";
import type { ServiceAt } from "../service-view.ts";
import { outboundProtocol } from "../upstream-protocol.ts";
import { type NamedPod, namedPods } from "./named-pods.ts";
import type { Outlook } from "./outlook.ts";

/** A cluster and, where it is an EDS cluster, what EDS says of it. */
export interface ClusterWithEndpoints {
  readonly cluster: Cluster;
  readonly assignment: ClusterLoadAssignment | undefined;
  /** By what its requests are hashed. */
  readonly hashPolicies: readonly HashPolicy[];
}

/** One cluster a service port, one more for each subset, and the two that every client has. */
export function outboundClusters(outlook: Outlook): readonly ClusterWithEndpoints[] {
  const builtIn = [blackHoleCluster(), passthroughCluster()];
  return [
    ...builtIn.map((cluster) => ({ cluster, assignment: undefined, hashPolicies: [] })),
    ...outlook.services.flatMap((at) => serviceClusters(outlook, at)),
  ];
}

function serviceClusters(outlook: Outlook, at: ServiceAt): readonly ClusterWithEndpoints[] {
  const policy = outlook.policyOf(at.service);
  return [
    ...[undefined, ...policy.subsets].map((subset) => serviceCluster(outlook, at, subset)),
    ...namedPods(outlook, at).map((named) => podCluster(outlook, at, named)),
  ];
}

/** The service's cluster, but for its endpoints. */
function podCluster(outlook: Outlook, at: ServiceAt, named: NamedPod): ClusterWithEndpoints {
  const only = { ...outlook, pods: [named.pod] };
  const { cluster, assignment, ...rest } = serviceCluster(only, at, undefined);
  const name = named.cluster;
  return {
    cluster: { ...cluster, name },
    assignment: assignment && { ...assignment, clusterName: name },
    ...rest,
  };
}

function serviceCluster(
  outlook: Outlook,
  at: ServiceAt,
  subset: Subset | undefined,
): ClusterWithEndpoints {
  const { service, port } = at;
  const { pods, mesh, client } = outlook;
  const policy = outlook.policyOf(service);
  const labels = subset?.labels ?? {};
  const decision = routeSetsFor(mesh, client, service, port.port);
  const blocks = withBudget(policy.blocksFor(port.port, subset?.name ?? ""), decision);
  const asked = { mesh, pods, client, service, port, blocks };
  const placed = clusterEndpoints({ ...asked, labels });
  const rules = localityRulesOf(service, blocks, client.labels, mesh.settings.locality);
  const localities = localitiesFor(placed, rules);
  const discovery = discoveryOf(service, blocks, client.explicitAddress !== undefined);
  const { protocol } = outboundProtocol(port.protocol, blocks.connectionPool);
  const target = { ...asked, subset: subset?.name ?? "", discovery, protocol };
  const outbound = outboundCluster({
    ...target,
    transport: clusterTransport(target),
    explicitAddress: client.explicitAddress,
    localities,
    locality: rules.settings,
    origin: subset?.origin ?? policy.origin ?? service.origin,
  });
  const { failureAccrual } = trafficOf(service, decision);
  const judged = withAccrual(outbound, failureAccrual, client.listensAtNames);
  const cluster = guardedCluster(judged, outlook, at);
  const assignment =
    cluster.discovery === "eds" ? assignmentOf(cluster.name, localities) : undefined;
  return { cluster, assignment, hashPolicies: blocks.loadBalancer?.hashPolicies ?? [] };
}

/** A DestinationRule's budget holds, else that of the routing. */
function withBudget(blocks: PolicyBlocks, decision: RouteDecision | undefined): PolicyBlocks {
  const budget = decision?.sets[0]?.retryBudget;
  const isSaid =
    blocks.retryBudget !== undefined || blocks.connectionPool?.maxRetries !== undefined;
  return budget === undefined || isSaid ? blocks : { ...blocks, retryBudget: budget };
}
