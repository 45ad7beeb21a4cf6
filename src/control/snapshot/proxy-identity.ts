import type { Node } from "../../model/bootstrap.ts";
import type { Labels, Pod } from "../../model/mesh.ts";
import { encodeFor } from "../../xds/message/flavor.ts";
import type { Client } from "./client.ts";
import { isMeshed } from "./mutual-tls/reach.ts";

/** Who asks for configuration, as its node says. */
export interface ProxyIdentity {
  readonly pod: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly explicit: boolean;
  /**
   * It has a certificate of the mesh: our own metadata says so (`OUTRIGGER: {identity: true}`), or
   * Istio's label of pods whose sidecar takes mTLS.
   */
  readonly hasIdentity: boolean;
  /** The data plane is our own. */
  readonly outrigger: boolean;
}

/** `sidecar~<podIP>~<pod>.<ns>~<ns>.svc.cluster.local`, with Istio's metadata beside it. */
export function identityOf(node: Node): ProxyIdentity {
  const { metadata } = node;
  const [, , fullName = "", domain = ""] = node.id.split("~");
  const namespace = text(metadata.NAMESPACE) || domain.split(".")[0] || "default";
  const suffix = `.${namespace}`;
  const fromId = fullName.endsWith(suffix) ? fullName.slice(0, -suffix.length) : fullName;
  return {
    pod: text(metadata.NAME) || fromId,
    namespace,
    labels: labelsOf(metadata.LABELS),
    explicit: text(metadata.INTERCEPTION_MODE) === "NONE",
    hasIdentity: saysIdentity(metadata.OUTRIGGER) || isMeshed(labelsOf(metadata.LABELS)),
    outrigger: encodeFor(node) === "outrigger",
  };
}

/** The pod's own labels hold where it is known; a proxy outside any pod speaks for itself. */
export function clientOf(identity: ProxyIdentity, pod: Pod | undefined, address: string): Client {
  return {
    namespace: identity.namespace,
    labels: pod?.labels ?? identity.labels,
    explicitAddress: identity.explicit ? (pod?.address ?? address) : undefined,
    hasIdentity: identity.hasIdentity,
    listensAtNames: identity.outrigger,
  };
}

/** The address that the node's id names. */
export function addressOf(node: Node): string {
  return node.id.split("~")[1] ?? "";
}

function saysIdentity(own: unknown): boolean {
  return typeof own === "object" && own !== null && "identity" in own && own.identity === true;
}

function labelsOf(value: unknown): Labels {
  if (typeof value !== "object" || value === null) return {};
  const entries = Object.entries(value).filter(([, each]) => typeof each === "string");
  return Object.fromEntries(entries) as Labels;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
