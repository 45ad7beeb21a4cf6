import type { Node } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { ClusterLoadAssignment } from "../../model/endpoint.ts";
import type { Listener } from "../../model/listener.ts";
import type { RouteConfiguration } from "../../model/route.ts";
import type { Secret } from "../../model/transport/secret.ts";

/**
 * Everything that one proxy is told, at one version: consistent (every eds cluster has its
 * endpoints, every rds listener its routes) and immutable. Resources that did not change between
 * two snapshots should be the same objects: their encoding is then reused.
 */
export interface Snapshot {
  /** Names the generation in `status()` and logs, as `2026-11-21T04:05:06Z/17`. */
  readonly version: string;
  readonly listeners: readonly Listener[];
  /** One for each name that a listener asks for. */
  readonly routes: readonly RouteConfiguration[];
  readonly clusters: readonly Cluster[];
  /** One for each eds cluster, by `edsServiceName`, else by the cluster's name. */
  readonly endpoints: readonly ClusterLoadAssignment[];
  /** By name, to the one proxy that this snapshot is for; left out: none. */
  readonly secrets?: readonly Secret[];
}

/** What the ADS server serves. Implemented by `control/snapshot.ts`. */
export interface SnapshotSource {
  /**
   * The newest snapshot for this proxy; undefined while there is none (the proxy waits, and is
   * served as soon as `onChange` fires and there is one).
   */
  snapshotFor(node: Node): Snapshot | undefined;
  /** Calls back after snapshots changed. Returns the function that ends the subscription. */
  onChange(listener: () => void): () => void;
}
