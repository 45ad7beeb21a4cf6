import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumn, envoyColumns } from "../columns.ts";

type Kind = "listener" | "cluster";

/** Envoy: SslSocketFactoryStats. */
type FactoryStat =
  | "ssl_context_update_by_sds"
  | "downstream_context_secrets_not_ready"
  | "upstream_context_secrets_not_ready";

const PREFIX = { listener: "server_ssl_socket_factory", cluster: "client_ssl_socket_factory" };
const OWNER_LABELS = { listener: "envoy_listener_address", cluster: "envoy_cluster_name" };
const OWNERS_MAX = 20_000;
const EXPIRATION = "expiration_unix_time_seconds";

function columnsOf(kind: Kind): ColumnSet<FactoryStat> {
  const named = (stat: FactoryStat): string => `${PREFIX[kind]}.${stat}`;
  const { columns, at: offsets } = envoyColumns<string>(kind, {
    [named("ssl_context_update_by_sds")]: ["counter", "Secrets taken over.", "max"],
    [named("downstream_context_secrets_not_ready")]: [
      "counter",
      "Connections of clients closed because secrets had not come.",
    ],
    [named("upstream_context_secrets_not_ready")]: [
      "counter",
      "Connections to endpoints not made because secrets had not come.",
    ],
  });
  const offset = (stat: FactoryStat): number => offsets[named(stat)] ?? 0;
  return {
    columns,
    at: {
      ssl_context_update_by_sds: offset("ssl_context_update_by_sds"),
      downstream_context_secrets_not_ready: offset("downstream_context_secrets_not_ready"),
      upstream_context_secrets_not_ready: offset("upstream_context_secrets_not_ready"),
    },
  };
}

const COLUMNS = { listener: columnsOf("listener"), cluster: columnsOf("cluster") };

/** Of all listeners, or of all clusters. */
export interface FactoryTables {
  readonly kind: Kind;
  readonly factory: Table;
  readonly expirations: Table;
}

/** `segment`: the owner's name as it stands inside a statistic's. */
export function factoryTables(
  registry: Registry,
  kind: Kind,
  segment: (name: string) => string,
): FactoryTables {
  const stat = `ssl.certificate.${EXPIRATION}`;
  return {
    kind,
    factory: registry.table({
      name: `${kind}_ssl_factory`,
      columns: COLUMNS[kind].columns,
      labelNames: [OWNER_LABELS[kind]],
      rowsMax: OWNERS_MAX,
      statName: (column, [name = ""]) => `${kind}.${segment(name)}.${column.stat}`,
    }),
    expirations: registry.table({
      name: `${kind}_ssl_certificates`,
      columns: [envoyColumn("gauge", kind, stat, "When a secret's first certificate ends.", "max")],
      labelNames: ["envoy_tls_certificate", OWNER_LABELS[kind]],
      rowsMax: OWNERS_MAX,
      statName: (_, [certificate = "", name = ""]) =>
        `${kind}.${segment(name)}.ssl.certificate.${segment(certificate)}.${EXPIRATION}`,
    }),
  };
}

/** What became of the secrets of one listener or cluster. */
export class FactoryStats {
  readonly #name: string;
  readonly #tables: FactoryTables;
  #cells: Float64Array | undefined;

  constructor(name: string, tables: FactoryTables) {
    this.#name = name;
    this.#tables = tables;
  }

  /** From now on they are in every scrape, zeros as well. */
  show(): Float64Array {
    this.#cells ??= this.#tables.factory.row([this.#name]).cells;
    return this.#cells;
  }

  /** A connection failed because secrets had not come. */
  notReady(): void {
    const { kind } = this.#tables;
    const side = kind === "listener" ? "downstream" : "upstream";
    add(this.show(), COLUMNS[kind].at[`${side}_context_secrets_not_ready`], 1);
  }

  updated(): void {
    add(this.show(), COLUMNS[this.#tables.kind].at.ssl_context_update_by_sds, 1);
  }

  value(stat: FactoryStat): number {
    return this.#cells === undefined ? 0 : at(this.#cells, COLUMNS[this.#tables.kind].at[stat]);
  }

  /** `seconds`: since 1970. */
  expires(certificate: string, seconds: number): void {
    this.#tables.expirations.row([certificate, this.#name]).cells[0] = seconds;
  }

  remove(): void {
    const { expirations, factory } = this.#tables;
    if (this.#cells !== undefined) factory.remove(factory.row([this.#name]));
    for (const row of expirations.snapshot()) {
      if (row.values[1] === this.#name) expirations.remove(row);
    }
    this.#cells = undefined;
  }
}
