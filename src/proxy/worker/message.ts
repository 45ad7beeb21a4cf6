/** What the main thread and its workers say to each other: plain data and shared memory. */
import type { JournalEntry } from "../../metrics/row-journal.ts";
import type { Address } from "../../model/address.ts";
import type { Node, ProxyConfig } from "../../model/bootstrap.ts";
import type { Endpoint } from "../../model/endpoint.ts";
import type { OverloadConfig } from "../../model/overload/overload.ts";
import type { Secret } from "../../model/transport/secret.ts";
import type { EndpointRow } from "../admin/admin-source.ts";
import type { CircuitMemories } from "../circuit/shared-circuits.ts";
import type { OwnPort } from "../cluster/own-port.ts";
import type { FaultCells } from "../filters/fault/fault-counts.ts";
import type { HeldSocket } from "../graceful/inheritance.ts";
import type { BucketCells } from "../limits/token-bucket.ts";
import type { Binding } from "../listener/bound-socket.ts";
import type { Discouraging } from "../listener/listener-set.ts";
import type { RefusedRequest } from "../listener/refused/refused-requests.ts";
import type { OutlierNews, OutlierOrders } from "../outlier/shared/outlier-message.ts";
import type { ContextCertificates } from "../secrets/context-certificates.ts";

/** What a worker is born with. */
export interface WorkerStart {
  /** From 0; the place that a successor takes again. */
  readonly slot: number;
  readonly node: Node;
  /** Of this program. */
  readonly version: string;
  readonly carrying: boolean;
  readonly overload: OverloadConfig;
  readonly ownPort: OwnPort | undefined;
  /** Connections of clients over all workers. */
  readonly connections: Int32Array;
  /** What all workers make the keys of session tickets of. */
  readonly ticketSecret: Uint8Array;
  /** Where compiled code is kept; undefined: nowhere. */
  readonly compileCache: string | undefined;
}

/** Secrets go a way of their own: they change while everything else stays. */
export type ResourceList = Exclude<keyof ProxyConfig, "secrets">;

/** A piece of a configuration, small enough for one turn of the event loop. */
export type ConfigPiece =
  | { readonly kind: "resources"; readonly list: ResourceList; readonly resources: Resources }
  | MoreEndpoints;

export type Resources = ProxyConfig[ResourceList];

/** Endpoints to append to a locality of an assignment that came before. */
export interface MoreEndpoints {
  readonly kind: "endpoints";
  readonly clusterName: string;
  readonly locality: number;
  readonly endpoints: readonly Endpoint[];
}

/** All names of a configuration: what the pieces brought, and what stays as it was. */
export type ConfigNames = Readonly<Record<ResourceList, readonly string[]>>;

export interface Preparation {
  readonly names: ConfigNames;
  /** What clusters have in use, by their names; those that the worker does not know yet. */
  readonly use: ReadonlyMap<string, Int32Array>;
  /** The buckets of rate limits, by the limits' places. */
  readonly buckets: ReadonlyMap<string, BucketCells>;
  readonly faults: FaultCells;
  readonly circuits: CircuitMemories;
  readonly binding: Binding;
}

/** A cluster's endpoints as one worker sees them, or some of them. */
export interface EndpointRows {
  readonly cluster: string;
  readonly endpoints: readonly EndpointRow[];
}

/**
 * What the main thread asks and what a worker answers. `prepare` comes after its pieces and is
 * followed by `commit` or `abandon`; a worker that cannot do it refuses, and has changed nothing.
 */
export interface Questions {
  piece: { asks: ConfigPiece; answer: undefined };
  prepare: { asks: Preparation; answer: ReadonlyMap<string, Address> };
  commit: { asks: undefined; answer: undefined };
  abandon: { asks: undefined; answer: undefined };
  /** The clusters' endpoints from here on, so many at a time; none: that was all. */
  endpoints: { asks: number; answer: readonly EndpointRows[] };
  /** The requests that were refused last. */
  refused: { asks: undefined; answer: readonly RefusedRequest[] };
  resetCounters: { asks: undefined; answer: undefined };
  /** See `TlsContexts.supply`. */
  secrets: { asks: ReadonlyMap<string, Secret | undefined>; answer: undefined };
  /** What each TLS context shows and believes. */
  certificates: { asks: undefined; answer: readonly ContextCertificates[] };
  discourage: { asks: Discouraging | undefined; answer: undefined };
  drain: { asks: Discouraging; answer: undefined };
  /** What it listens with. */
  held: { asks: undefined; answer: readonly HeldSocket[] };
  /** See `DataPlane.stop`; answered when everything has ended. */
  stop: {
    asks: { readonly graceMs: number; readonly patienceMs: number };
    answer: undefined;
  };
}

export type QuestionName = keyof Questions;

export type ToWorker =
  | { readonly kind: "outliers"; readonly orders: OutlierOrders }
  | {
      [Q in QuestionName]: {
        readonly kind: Q;
        readonly id: number;
        readonly asks: Questions[Q]["asks"];
      };
    }[QuestionName]
  /** The rows of these ids are looked at no more. */
  | { readonly kind: "release"; readonly rows: readonly number[] }
  /** A row that was idle for long, as long as it still adds up to this. */
  | { readonly kind: "forget"; readonly row: number; readonly sum: number };

export type FromWorker =
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly reason: string }
  | { readonly kind: "journal"; readonly entry: JournalEntry }
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "outliers"; readonly news: OutlierNews }
  | { readonly kind: "log"; readonly path: string; readonly text: string; readonly lines: number };
