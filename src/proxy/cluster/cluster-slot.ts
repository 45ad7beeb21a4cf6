import type { CompiledCircuit } from "../circuit/compiled-circuit.ts";
import type { UpstreamCluster } from "./upstream-cluster.ts";

/** A cluster's name in routes: stays the same object while clusters come and go. */
export class ClusterSlot {
  readonly name: string;
  /** Undefined while there is no cluster of that name. */
  cluster: UpstreamCluster | undefined;
  /** Of calls to any host of it; undefined: none. */
  circuit: CompiledCircuit | undefined;

  constructor(name: string) {
    this.name = name;
  }
}
