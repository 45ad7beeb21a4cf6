import type {
  DestinationPolicy,
  PolicyBlocks,
  Subset,
  TrafficPolicy,
} from "../destination-policy.ts";
import { type Labels, type Mesh, matchesLabels, type Service } from "../mesh.ts";
import { byAge, mostSpecificHost, visibleFrom } from "./host.ts";

/** The pod whose configuration is made, as far as precedence looks at it. */
export interface Client {
  readonly namespace: string;
  readonly labels: Labels;
}

/** What a policy is looked up for. */
export type PolicyTarget = Pick<Service, "host" | "namespace">;

/**
 * The policy that holds for a client's requests to a host, as Istio looks it up: in the client's
 * namespace, then the service's, then the root namespace; the first one that has a match holds
 * entirely, nothing is inherited from the next. Inside a namespace the most specific host holds.
 * Several policies of one host are merged: see `mergePolicies`.
 */
export function destinationPolicyFor(
  mesh: Pick<Mesh, "destinationPolicies" | "settings">,
  client: Client,
  target: PolicyTarget,
): DestinationPolicy | undefined {
  for (const namespace of searchOrder(client, target, mesh.settings.rootNamespace)) {
    const seen = mesh.destinationPolicies.filter(
      (policy) => policy.namespace === namespace && holdsFor(policy, client),
    );
    const host = mostSpecificHost(
      seen.map((policy) => policy.host),
      target.host,
    );
    if (host !== undefined) return mergePolicies(seen.filter((policy) => policy.host === host));
  }
  return undefined;
}

/** A client of the root namespace asks the service's first: root policies are meant for others. */
function searchOrder(client: Client, target: PolicyTarget, root: string): ReadonlySet<string> {
  return client.namespace === root
    ? new Set([target.namespace, root])
    : new Set([client.namespace, target.namespace, root]);
}

/** A policy with a selector speaks for pods of its own namespace alone. */
function holdsFor(policy: DestinationPolicy, client: Client): boolean {
  const own = policy.namespace === client.namespace;
  if (policy.selector !== undefined) return own && matchesLabels(client.labels, policy.selector);
  return own || visibleFrom(client.namespace, policy.exportTo);
}

/**
 * Several policies of one namespace and host: those with a selector before those without, then
 * the oldest. The first that has a traffic policy gives it; subsets are joined, of those with one
 * name the first holds. `model/validate.ts` reports what is lost.
 */
export function mergePolicies(
  policies: readonly DestinationPolicy[],
): DestinationPolicy | undefined {
  const [first, ...others] = policies.toSorted(
    (left, right) => selectorRank(left) - selectorRank(right) || byAge(left, right),
  );
  // A policy for chosen pods replaces the general one instead of being mixed with it.
  const merged = others.filter((other) => selectorRank(other) === (first && selectorRank(first)));
  if (first === undefined || merged.length === 0) return first;
  const all = [first, ...merged];
  const traffic = all.find((policy) => !isEmptyTraffic(policy.traffic))?.traffic;
  return { ...first, traffic: traffic ?? first.traffic, subsets: joinSubsets(all) };
}

function selectorRank(policy: DestinationPolicy): number {
  return policy.selector === undefined ? 1 : 0;
}

export function isEmptyTraffic(traffic: TrafficPolicy): boolean {
  const { loadBalancer, connectionPool, retryBudget, outlierDetection, tls, ports } = traffic;
  const blocks = [loadBalancer, connectionPool, retryBudget, outlierDetection, tls];
  return ports.length === 0 && blocks.every((block) => block === undefined);
}

function joinSubsets(policies: readonly DestinationPolicy[]): Subset[] {
  const byName = new Map<string, Subset>();
  for (const subset of policies.flatMap((policy) => policy.subsets)) {
    if (!byName.has(subset.name)) byName.set(subset.name, subset);
  }
  return [...byName.values()];
}

export const NO_BLOCKS: PolicyBlocks = {
  loadBalancer: undefined,
  connectionPool: undefined,
  retryBudget: undefined,
  outlierDetection: undefined,
};

/**
 * The blocks that hold for one cluster: the policy's own, replaced as a whole by those of a
 * matching port; over them, block by block, the subset's, with the same rule. A port's settings do
 * not inherit: blocks that it leaves out take the mesh's defaults (Istio's documentation of
 * `portLevelSettings`). The retry budget is no port's matter and stays.
 */
export function policyBlocks(
  policy: DestinationPolicy | undefined,
  subset: string,
  port: number,
): PolicyBlocks {
  if (policy === undefined) return NO_BLOCKS;
  const own = withPort(withBlocks(NO_BLOCKS, policy.traffic), policy.traffic, port);
  const inner = policy.subsets.find((candidate) => candidate.name === subset)?.traffic;
  return inner === undefined ? own : withPort(withBlocks(own, inner), inner, port);
}

function withBlocks(outer: PolicyBlocks, inner: PolicyBlocks): PolicyBlocks {
  return {
    loadBalancer: inner.loadBalancer ?? outer.loadBalancer,
    connectionPool: inner.connectionPool ?? outer.connectionPool,
    retryBudget: inner.retryBudget ?? outer.retryBudget,
    outlierDetection: inner.outlierDetection ?? outer.outlierDetection,
    tls: inner.tls ?? outer.tls,
  };
}

function withPort(blocks: PolicyBlocks, traffic: TrafficPolicy, port: number): PolicyBlocks {
  const match = traffic.ports.find((candidate) => candidate.port === port);
  if (match === undefined) return blocks;
  const { port: _, retryBudget, ...own } = match;
  return { ...own, retryBudget: retryBudget ?? blocks.retryBudget };
}
