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
  /** What its hosts are, by their keys; what is no longer there first. Who has moved is fresh. */
  | {
      readonly kind: "hosts";
      readonly judge: number;
      readonly gone: readonly string[];
      readonly fresh: readonly FreshHost[];
    }
  | {
      readonly kind: "failures";
      readonly judge: number;
      readonly host: string;
      readonly row: InARow;
    }
  /** It has passed a health check. */
  | { readonly kind: "passed"; readonly judge: number; readonly host: string }
  | { readonly kind: "close"; readonly judge: number };

export interface FreshHost {
  readonly key: string;
  readonly address: string;
}

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
  readonly host: string;
  readonly ejected: boolean;
  /** For a host that the worker has asked about: where it counts. */
  readonly cells?: Uint32Array;
  /** Its place in them. */
  readonly place?: number;
}
