import type { Row } from "../../../../metrics/row.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumns } from "../columns.ts";

type RingStat =
  | "ring_hash_lb.size"
  | "ring_hash_lb.min_hashes_per_host"
  | "ring_hash_lb.max_hashes_per_host";

/** Envoy: configuration/upstream/cluster_manager/cluster_stats, ring hash statistics. */
export const RING_HASH: ColumnSet<RingStat> = envoyColumns("cluster", {
  "ring_hash_lb.size": ["gauge", "Places of the ring.", "max"],
  "ring_hash_lb.min_hashes_per_host": ["gauge", "Places of the least host.", "max"],
  "ring_hash_lb.max_hashes_per_host": ["gauge", "Places of the best host.", "max"],
});

type MaglevStat = "maglev_lb.min_entries_per_host" | "maglev_lb.max_entries_per_host";

/** As above, Maglev statistics. */
export const MAGLEV: ColumnSet<MaglevStat> = envoyColumns("cluster", {
  "maglev_lb.min_entries_per_host": ["gauge", "Entries of the least host.", "max"],
  "maglev_lb.max_entries_per_host": ["gauge", "Entries of the best host.", "max"],
});

/** What a ring or a table is made of. */
export interface HashingSizes {
  readonly size: number;
  readonly minPerHost: number;
  readonly maxPerHost: number;
}

/** Envoy's gauges of one cluster's ring or table; only where it has one. */
export class HashingStats {
  readonly #ringTable: Table;
  readonly #maglevTable: Table;
  readonly #cluster: string;
  #ring: Row | undefined;
  #maglev: Row | undefined;

  constructor(ringTable: Table, maglevTable: Table, cluster: string) {
    this.#ringTable = ringTable;
    this.#maglevTable = maglevTable;
    this.#cluster = cluster;
  }

  ring({ size, minPerHost, maxPerHost }: HashingSizes): void {
    this.#dropMaglev();
    this.#ring ??= this.#ringTable.row([this.#cluster]);
    const { cells } = this.#ring;
    cells[RING_HASH.at["ring_hash_lb.size"]] = size;
    cells[RING_HASH.at["ring_hash_lb.min_hashes_per_host"]] = minPerHost;
    cells[RING_HASH.at["ring_hash_lb.max_hashes_per_host"]] = maxPerHost;
  }

  maglev({ minPerHost, maxPerHost }: HashingSizes): void {
    this.#dropRing();
    this.#maglev ??= this.#maglevTable.row([this.#cluster]);
    const { cells } = this.#maglev;
    cells[MAGLEV.at["maglev_lb.min_entries_per_host"]] = minPerHost;
    cells[MAGLEV.at["maglev_lb.max_entries_per_host"]] = maxPerHost;
  }

  remove(): void {
    this.#dropRing();
    this.#dropMaglev();
  }

  #dropRing(): void {
    if (this.#ring !== undefined) this.#ringTable.remove(this.#ring);
    this.#ring = undefined;
  }

  #dropMaglev(): void {
    if (this.#maglev !== undefined) this.#maglevTable.remove(this.#maglev);
    this.#maglev = undefined;
  }
}
