/** Who a workload is: a Kubernetes service account, as Istio writes it into a SPIFFE ID. */
import { spiffeIdOf } from "./spiffe-id.ts";

export interface WorkloadIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** RFC 1123: a label (namespaces), and labels with dots between (service accounts). */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const SUBDOMAIN_CHARS_MAX = 253;
const ID = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/;

/** `NS/SA`, as Kubernetes allows both; undefined where the text is no such thing. */
export function parseWorkloadIdentity(text: string): WorkloadIdentity | undefined {
  const [namespace = "", serviceAccount = "", ...more] = text.split("/");
  const identity = { namespace, serviceAccount };
  return more.length === 0 && isWorkloadIdentity(identity) ? identity : undefined;
}

export function isWorkloadIdentity({ namespace, serviceAccount }: WorkloadIdentity): boolean {
  if (!LABEL.test(namespace) || serviceAccount.length > SUBDOMAIN_CHARS_MAX) return false;
  return serviceAccount.split(".").every((label) => LABEL.test(label));
}

/** `NS/SA`. */
export function formatWorkloadIdentity(identity: WorkloadIdentity): string {
  return `${identity.namespace}/${identity.serviceAccount}`;
}

/** `spiffe://TD/ns/NS/sa/SA`. */
export function spiffeIdFor(trustDomain: string, identity: WorkloadIdentity): string {
  return `spiffe://${trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
}

/** Who a SPIFFE ID names, and in which trust domain; undefined where it has another form. */
export function workloadOf(
  id: string,
): { readonly trustDomain: string; readonly identity: WorkloadIdentity } | undefined {
  if (spiffeIdOf([id]) === undefined) return undefined;
  const [, trustDomain = "", namespace = "", serviceAccount = ""] = ID.exec(id) ?? [];
  const identity = { namespace, serviceAccount };
  return isWorkloadIdentity(identity) ? { trustDomain, identity } : undefined;
}
