/** What workers and the main thread say to each other of outliers: plain data, shared memory. */
import type { OutlierDetection } from "../../../model/upstream/outlier-detection.ts";
import type { InARow } from "../host-record.ts";

/** From a worker. `judge`: of a cluster, by a number of the worker's own. */
export type OutlierNews =
  | {
      readonly kind: "open";
      readonly judge: number;
      readonly cluster: JudgedCluster;
    }
  /** What its hosts are, by their addresses; what is no longer there first. */
  | {
      readonly kind: "hosts";
      readonly judge: number;
      readonly gone: readonly string[];
      readonly fresh: readonly string[];
    }
  | {
      readonly kind: "failures";
      readonly judge: number;
      readonly address: string;
      readonly row: InARow;
    }
  /** It has passed a health check. */
  | { readonly kind: "passed"; readonly judge: number; readonly address: string }
  | { readonly kind: "close"; readonly judge: number };

export interface JudgedCluster {
  readonly name: string;
  readonly statName: string;
  /** Clusters of one name and key are one, whichever worker has them. */
  readonly key: string;
  readonly detection: OutlierDetection;
}

/** To a worker: what it is to know of some hosts. */
export interface OutlierOrders {
  readonly judge: number;
  readonly hosts: readonly HostOrder[];
}

export interface HostOrder {
  readonly address: string;
  readonly ejected: boolean;
  /** For a host that the worker has asked about: where it counts. */
  readonly cells?: Uint32Array;
  /** Its place in them. */
  readonly place?: number;
}
