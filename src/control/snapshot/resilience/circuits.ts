import type { Cluster } from "../../../model/cluster.ts";
import type { HttpRule } from "../../../model/http-route-set.ts";
import { circuitsOf, ruleOfCircuit } from "../../../model/precedence/circuit.ts";
import type { CircuitBreaker, CircuitFallback } from "../../../model/resilience/circuit-breaker.ts";
import type { CircuitPolicy } from "../../../model/resilience/circuit-policy.ts";
import { outboundClusterName } from "../names.ts";
import { backendCluster, type Outlook } from "../outbound/outlook.ts";
import type { ServiceAt } from "../service-view.ts";
import { asEnvoyCan } from "./envoy-circuit.ts";

/**
 * The cluster with the circuit that its service's policy, or its namespace's, asks for: each port
 * and each subset has its own. A real Envoy gets what comes nearest. What is carried as TCP has no
 * answers to judge by.
 */
export function guardedCluster(cluster: Cluster, outlook: Outlook, at: ServiceAt): Cluster {
  const holding =
    at.carriage === "tcp" ? undefined : circuitsOf(outlook.mesh).ofService(at.service);
  if (holding === undefined) return cluster;
  const { circuit } = holding.policy;
  if (!outlook.client.listensAtNames) return asEnvoyCan(cluster, circuit);
  const fallback = fallbackOf(holding.policy, outlook, at.port.port, cluster.name);
  return { ...cluster, circuit: { ...circuit, fallback } };
}

/** The circuit of what a rule forwards; `port`: the one that the client addressed. */
export function circuitOfRule(
  outlook: Outlook,
  rule: HttpRule,
  port: number,
): CircuitBreaker | undefined {
  const index = circuitsOf(outlook.mesh);
  if (index.isEmpty || !outlook.client.listensAtNames) return undefined;
  const holding = index.ofRule(rule);
  if (holding === undefined) return undefined;
  const { policy } = holding;
  const fallback = fallbackOf(policy, outlook, port, undefined);
  return { ...policy.circuit, rule: ruleOfCircuit(rule, holding), fallback };
}

/**
 * The fallback of one client's circuit. A service that this client does not see, and the guarded
 * cluster itself, are none: the author was told by `circuit-findings.ts`.
 */
function fallbackOf(
  { fallback }: CircuitPolicy,
  outlook: Outlook,
  port: number,
  guarded: string | undefined,
): CircuitFallback | undefined {
  if (fallback?.kind !== "service") return fallback;
  const cluster = backendCluster(outlook, fallback, port);
  if (cluster === guarded || !clusterNames(outlook).has(cluster)) return undefined;
  return { kind: "cluster", cluster };
}

const NAMES = new WeakMap<Outlook, ReadonlySet<string>>();

/** Every service's cluster that the client gets. */
function clusterNames(outlook: Outlook): ReadonlySet<string> {
  const known = NAMES.get(outlook);
  if (known !== undefined) return known;
  const names = outlook.services.flatMap(({ service, port }) =>
    ["", ...outlook.policyOf(service).subsets.map(({ name }) => name)].map((subset) =>
      outboundClusterName(port.port, subset, service.host),
    ),
  );
  const made = new Set(names);
  NAMES.set(outlook, made);
  return made;
}
