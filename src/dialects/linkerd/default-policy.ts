import type { Condition } from "../../model/policy/access-policy.ts";
import type { InboundPolicy } from "../kubernetes/annotations/inbound-policy.ts";

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
export function defaultConditions(policy: InboundPolicy): readonly (readonly Condition[])[] {
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
