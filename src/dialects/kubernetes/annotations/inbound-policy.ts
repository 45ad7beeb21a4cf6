import type { Labels } from "../../../model/mesh.ts";
import type { AnnotationFault } from "./port-list.ts";

/** On pods and namespaces; the pod's wins (Linkerd: config.linkerd.io/default-inbound-policy). */
export const INBOUND_POLICY = "config.linkerd.io/default-inbound-policy";

/** What is let in where no authorization does. */
export const INBOUND_POLICIES = [
  "deny",
  "audit",
  "all-unauthenticated",
  "all-authenticated",
  "cluster-unauthenticated",
  "cluster-authenticated",
] as const;

export type InboundPolicy = (typeof INBOUND_POLICIES)[number];

export interface InboundPolicyReading {
  /** Undefined where nothing is annotated, or nothing that can be read. */
  readonly policy: InboundPolicy | undefined;
  readonly faults: readonly AnnotationFault[];
}

export function readInboundPolicy(annotations: Labels): InboundPolicyReading {
  const found = annotations[INBOUND_POLICY];
  if (found === undefined) return { policy: undefined, faults: [] };
  const policy = INBOUND_POLICIES.find((each) => each === found);
  const fault = { name: INBOUND_POLICY, found, allowed: INBOUND_POLICIES.join(", ") };
  return { policy, faults: policy === undefined ? [fault] : [] };
}
