import { add, at } from "../../../../metrics/cells.ts";
import type { Column } from "../../../../metrics/column.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import type { ProxyProtocolVersion } from "../../../../model/transport/proxy-protocol.ts";
import { type ColumnSet, envoyColumn, envoyColumns } from "../columns.ts";

/** Envoy: configuration/listeners/listener_filters/proxy_protocol, statistics. */
type AbsenceStat = "not_found_allowed" | "not_found_disallowed";
export type HeaderStat = "found" | "disallowed" | "error";

const ABSENCE: ColumnSet<AbsenceStat> = envoyColumns("proxy_proto", {
  not_found_allowed: ["counter", "Connections without a header that may do without."],
  not_found_disallowed: ["counter", "Connections closed as they had no header."],
});
const HEADER: ColumnSet<HeaderStat> = envoyColumns("proxy_proto", {
  found: ["counter", "Headers found."],
  disallowed: ["counter", "Connections closed as this version is not allowed."],
  error: ["counter", "Connections closed for a header that was malformed."],
});
const ERRORS: Column = envoyColumn(
  "counter",
  "downstream",
  "cx_proxy_proto_error",
  "Connections closed for want of a good header.",
);

const PREFIXES_MAX = 100;
const PREFIX_LABEL = "envoy_proxy_protocol_prefix";
const VERSION_LABEL = "envoy_proxy_protocol_version";

export interface ProxyProtocolTables {
  readonly absence: Table;
  readonly header: Table;
  readonly errors: Table;
}

export function proxyProtocolTables(registry: Registry): ProxyProtocolTables {
  return {
    absence: registry.table({
      name: "proxy_proto",
      columns: ABSENCE.columns,
      labelNames: [PREFIX_LABEL],
      rowsMax: PREFIXES_MAX,
      statName: (column, [prefix = ""]) => `proxy_proto.${dotted(prefix)}${column.stat}`,
    }),
    header: registry.table({
      name: "proxy_proto_versions",
      columns: HEADER.columns,
      labelNames: [PREFIX_LABEL, VERSION_LABEL],
      rowsMax: 2 * PREFIXES_MAX,
      statName: (column, [prefix = "", version = ""]) =>
        `proxy_proto.${dotted(prefix)}versions.v${version}.${column.stat}`,
    }),
    errors: registry.table({
      name: "downstream_cx_proxy_proto_error",
      columns: [ERRORS],
      labelNames: [],
      rowsMax: 1,
      statName: (column) => `downstream_${column.stat}`,
    }),
  };
}

function dotted(prefix: string): string {
  return prefix === "" ? "" : `${prefix}.`;
}

/** Envoy's statistics of the PROXY protocol filters that share a `stat_prefix`. */
export class ProxyProtocolStats {
  readonly #absence: Float64Array;
  readonly #versions: Readonly<Record<ProxyProtocolVersion, Float64Array>>;
  readonly #errors: Float64Array;

  constructor(prefix: string, { absence, errors, header }: ProxyProtocolTables) {
    this.#absence = absence.row([prefix]).cells;
    this.#versions = { v1: header.row([prefix, "1"]).cells, v2: header.row([prefix, "2"]).cells };
    this.#errors = errors.row([]).cells;
  }

  count(version: ProxyProtocolVersion, stat: HeaderStat): void {
    add(this.#versions[version], HEADER.at[stat], 1);
    if (stat === "error") add(this.#errors, 0, 1);
  }

  absent(allowed: boolean): void {
    add(this.#absence, ABSENCE.at[allowed ? "not_found_allowed" : "not_found_disallowed"], 1);
    if (!allowed) add(this.#errors, 0, 1);
  }

  value(version: ProxyProtocolVersion, stat: HeaderStat): number {
    return at(this.#versions[version], HEADER.at[stat]);
  }

  absences(allowed: boolean): number {
    return at(this.#absence, ABSENCE.at[allowed ? "not_found_allowed" : "not_found_disallowed"]);
  }
}
