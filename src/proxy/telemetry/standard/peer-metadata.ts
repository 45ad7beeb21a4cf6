import type { Node } from "../../../model/bootstrap.ts";
import type { WorkloadLabels } from "../../../model/endpoint.ts";
import { decodeStruct, encodeStruct } from "./struct-codec.ts";
import { UNKNOWN_PEER, workloadOfMetadata } from "./workload.ts";

/** A longer header describes nobody. Istio's are 300 to 2000 characters. */
const METADATA_CHARS_MAX = 16 * 1024;
/** How many descriptions are remembered, as in Istio (`max_peer_cache_size`). */
const PEERS_MAX = 500;

/** The keys that Istio's proxy sends and reads (istio/proxy: metadata_object.cc). */
const LABELS = [
  "service.istio.io/canonical-name",
  "service.istio.io/canonical-revision",
  "app",
  "version",
];

/**
 * What a proxy adds to requests towards the mesh; made once. `x-envoy-peer-metadata` is base64 of
 * a protobuf Struct that describes the workload, `x-envoy-peer-metadata-id` the node id.
 */
export interface PeerHeaders {
  readonly id: string;
  readonly metadata: string;
}

/** This proxy's own headers, out of the node metadata of its bootstrap. */
export function peerHeadersOf(node: Node): PeerHeaders {
  const own = workloadOfMetadata(node.metadata);
  const labels = [own.canonicalName, own.canonicalRevision || "latest", own.app, own.version];
  const fields: Record<string, string | Record<string, string>> = {
    NAME: text(node.metadata.NAME),
    NAMESPACE: own.namespace,
    WORKLOAD_NAME: own.workload,
    CLUSTER_ID: own.cluster,
    OWNER: text(node.metadata.OWNER),
    LABELS: nonEmpty(Object.fromEntries(LABELS.map((key, i) => [key, labels[i] ?? ""]))),
  };
  const bytes = encodeStruct(nonEmpty(fields));
  return { id: node.id, metadata: Buffer.from(bytes).toString("base64") };
}

/**
 * Reads peers' headers. What a header says is remembered, so that the same peer is the same object:
 * metrics are then found by identity. Hostile headers describe nobody and never throw.
 */
export class PeerReader {
  readonly #peers = new Map<string, WorkloadLabels>();

  /** Who the header describes; `UNKNOWN_PEER` for an empty or broken one. */
  read(metadata: string): WorkloadLabels {
    if (metadata === "" || metadata.length > METADATA_CHARS_MAX) return UNKNOWN_PEER;
    const known = this.#peers.get(metadata);
    if (known !== undefined) return known;
    const peer = decodePeer(metadata);
    if (this.#peers.size >= PEERS_MAX) this.#forgetOldest();
    this.#peers.set(metadata, peer);
    return peer;
  }

  #forgetOldest(): void {
    let surplus = PEERS_MAX / 4;
    for (const key of this.#peers.keys()) {
      if (surplus-- === 0) return;
      this.#peers.delete(key);
    }
  }
}

function decodePeer(metadata: string): WorkloadLabels {
  const fields = decodeStruct(Buffer.from(metadata, "base64"));
  if (fields === undefined) return UNKNOWN_PEER;
  return workloadOfMetadata(fields);
}

function nonEmpty<T extends string | Record<string, string>>(
  fields: Record<string, T>,
): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
