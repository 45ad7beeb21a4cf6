import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { Hash64 } from "../../../balance/hash/hash64.ts";
import { xxHash64 } from "../../../balance/hash/xx-hash.ts";
import { envoyColumns, statSegment } from "../columns.ts";

export type SdsStat =
  | "init_fetch_timeout"
  | "key_rotation_failed"
  | "update_attempt"
  | "update_failure"
  | "update_rejected"
  | "update_success"
  | "update_time"
  | "version";

const SDS = envoyColumns<SdsStat>("sds", {
  init_fetch_timeout: ["counter", "Secrets that did not come in time."],
  key_rotation_failed: ["counter", "Changes of the files of a secret that could not be used."],
  update_attempt: ["counter", "Times that a secret was asked for, or its file read."],
  update_failure: ["counter", "Times that nobody answered, or that a file could not be read."],
  update_rejected: ["counter", "Secrets that came and could not be used."],
  update_success: ["counter", "Secrets that came and are used."],
  update_time: ["gauge", "When the secret came that is used, in milliseconds since 1970."],
  version: ["gauge", "Hash of the version of the secret that is used."],
});

const NAMES_MAX = 10_000;
const hash = new Hash64();

/** Envoy: `sds.<secret>.*` (configuration/security/secret, SDS statistics). */
export class SdsStats {
  readonly #table: Table;

  constructor(registry: Registry) {
    this.#table = registry.table({
      name: "sds",
      columns: SDS.columns,
      labelNames: ["envoy_xds_resource_name"],
      rowsMax: NAMES_MAX,
      statName: (column, [name = ""]) => `sds.${statSegment(name)}.${column.stat}`,
    });
  }

  /** From now on the secret is in every scrape. */
  show(name: string): void {
    this.#table.row([name]);
  }

  count(name: string, stat: SdsStat): void {
    add(this.#table.row([name]).cells, SDS.at[stat], 1);
  }

  updated(name: string, version: string, wallMs: number): void {
    const { cells } = this.#table.row([name]);
    add(cells, SDS.at.update_success, 1);
    cells[SDS.at.update_time] = wallMs;
    const bytes = Buffer.from(version);
    hash.set(0, 0);
    xxHash64(bytes, bytes.length, hash);
    cells[SDS.at.version] = (hash.hi >>> 0) * 2 ** 32 + (hash.lo >>> 0);
  }

  value(name: string, stat: SdsStat): number {
    return at(this.#table.row([name]).cells, SDS.at[stat]);
  }

  remove(name: string): void {
    this.#table.remove(this.#table.row([name]));
  }
}
