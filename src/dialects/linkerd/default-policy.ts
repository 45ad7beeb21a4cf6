import type { Labels } from "../../model/mesh.ts";
import type { Condition } from "../../model/policy/access-policy.ts";
import { DEFAULT_POLICIES, type DefaultPolicy } from "./server.ts";

/** On pods and namespaces; the pod's wins (Linkerd: config.linkerd.io/default-inbound-policy). */
export const DEFAULT_POLICY_ANNOTATION = "config.linkerd.io/default-inbound-policy";

/** Linkerd's default `clusterNetworks`. */
const CLUSTER_NETWORKS = [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fd00::/8",
];

const IDENTIFIED: Condition = { key: "source.principal", values: ["*"], notValues: [] };
const IN_CLUSTER: Condition = { key: "source.ip", values: CLUSTER_NETWORKS, notValues: [] };

/**
 * Whom a default lets in: one of the lists has to hold as a whole; no list: nobody. Of `audit`
 * nobody, because what it refuses is only told.
 */
export function defaultConditions(policy: DefaultPolicy): readonly (readonly Condition[])[] {
  switch (policy) {
    case "deny":
    case "audit":
      return [];
    case "all-unauthenticated":
      return [[]];
    case "all-authenticated":
      return [[IDENTIFIED]];
    case "cluster-unauthenticated":
      return [[IN_CLUSTER]];
    case "cluster-authenticated":
      return [[IDENTIFIED, IN_CLUSTER]];
  }
}

/** Undefined where nothing is annotated; text that is no policy is the caller's to report. */
export function annotatedPolicy(annotations: Labels): DefaultPolicy | undefined {
  const text = annotations[DEFAULT_POLICY_ANNOTATION];
  return DEFAULT_POLICIES.find((policy) => policy === text);
}
