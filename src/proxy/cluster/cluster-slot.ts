import type { UpstreamCluster } from "./upstream-cluster.ts";

/** A cluster's name in routes: stays the same object while clusters come and go. */
export class ClusterSlot {
  readonly name: string;
  /** Undefined while there is no cluster of that name. */
  cluster: UpstreamCluster | undefined;

  constructor(name: string) {
    this.name = name;
  }
}
