import { add, at } from "../../../../metrics/cells.ts";
import { counter } from "../../../../metrics/column.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import type { HandshakeFailure } from "../../../tls/failure-text.ts";
import type { RenewedContext } from "../../../tls/renewal/renewed-context.ts";
import { type ColumnSet, envoyColumn, envoyColumns } from "../columns.ts";
import { FactoryStats, type FactoryTables, factoryTables } from "./socket-factory-stats.ts";

/** Envoy: configuration/listeners/stats, TLS statistics. */
export type SslStat =
  | "connection_error"
  | "handshake"
  | "session_reused"
  | "no_certificate"
  | "fail_verify_no_cert"
  | "fail_verify_error"
  | "fail_verify_san"
  | "fail_verify_cert_hash";

type Kind = "listener" | "cluster";

function columnsOf(kind: Kind): ColumnSet<`ssl.${SslStat}`> {
  return envoyColumns(kind, {
    "ssl.connection_error": ["counter", "TLS connections broken by an error of the protocol."],
    "ssl.handshake": ["counter", "TLS handshakes completed."],
    "ssl.session_reused": ["counter", "TLS handshakes that resumed a session."],
    "ssl.no_certificate": ["counter", "TLS connections without a certificate of the peer."],
    "ssl.fail_verify_no_cert": ["counter", "TLS connections refused: no client certificate."],
    "ssl.fail_verify_error": ["counter", "TLS connections refused: certificate not trusted."],
    "ssl.fail_verify_san": ["counter", "TLS connections refused: no wanted alternative name."],
    "ssl.fail_verify_cert_hash": ["counter", "TLS connections refused: other certificate or key."],
  });
}

const COLUMNS: Readonly<Record<Kind, ColumnSet<`ssl.${SslStat}`>>> = {
  listener: columnsOf("listener"),
  cluster: columnsOf("cluster"),
};

/** What is counted by a name that the two sides agree upon; Envoy's labels differ by kind. */
const AGREED = {
  versions: { listener: "envoy_ssl_version", cluster: "envoy_ssl_version" },
  ciphers: { listener: "envoy_ssl_cipher", cluster: "cipher_suite" },
  curves: { listener: "envoy_ssl_curve", cluster: "envoy_ssl_curve" },
} as const;
type Agreed = keyof typeof AGREED;

const OWNERS_MAX = 20_000;
const OWNER_LABELS = { listener: "envoy_listener_address", cluster: "envoy_cluster_name" };

/** TLS statistics of all listeners, or of all clusters. */
export interface SslTables {
  readonly kind: Kind;
  readonly totals: Table;
  readonly agreed: Readonly<Record<Agreed, Table>>;
  /** Certificates that were refused, by why: our own. */
  readonly refusals: Table;
  readonly factories: FactoryTables;
}

/** `segment`: the owner's name as it stands inside a statistic's. */
export function sslTables(
  registry: Registry,
  kind: Kind,
  segment: (name: string) => string,
): SslTables {
  const agreed = (what: Agreed): Table =>
    registry.table({
      name: `${kind}_ssl_${what}`,
      columns: [envoyColumn("counter", kind, `ssl.${what}`, `TLS handshakes by ${what}.`)],
      labelNames: [AGREED[what][kind], OWNER_LABELS[kind]],
      rowsMax: OWNERS_MAX,
      statName: (_, [value = "", name = ""]) => `${kind}.${segment(name)}.ssl.${what}.${value}`,
    });
  return {
    kind,
    totals: registry.table({
      name: `${kind}_ssl`,
      columns: COLUMNS[kind].columns,
      labelNames: [OWNER_LABELS[kind]],
      rowsMax: OWNERS_MAX,
      statName: (column, [name = ""]) => `${kind}.${segment(name)}.${column.stat}`,
    }),
    agreed: { versions: agreed("versions"), ciphers: agreed("ciphers"), curves: agreed("curves") },
    refusals: registry.table({
      name: `${kind}_ssl_refusals`,
      columns: [
        counter(`outrigger_${kind}_certificates_refused_total`, "Peers' certificates by reason."),
      ],
      labelNames: ["reason", OWNER_LABELS[kind]],
      rowsMax: OWNERS_MAX,
    }),
    factories: factoryTables(registry, kind, segment),
  };
}

/** What a completed handshake is counted by. */
export interface HandshakeFacts {
  readonly version: string;
  readonly cipher: string;
  readonly curve: string;
  readonly sessionReused: boolean;
  readonly peer: unknown;
}

/** Envoy's TLS statistics of one listener or cluster. */
export class SslStats {
  readonly #name: string;
  readonly #tables: SslTables;
  readonly factory: FactoryStats;
  #cells: Float64Array | undefined;

  constructor(name: string, tables: SslTables) {
    this.#name = name;
    this.#tables = tables;
    this.factory = new FactoryStats(name, tables.factories);
  }

  /** From now on they are in every scrape, zeros as well. */
  show(): Float64Array {
    this.#cells ??= this.#tables.totals.row([this.#name]).cells;
    return this.#cells;
  }

  /** Tells of the secrets of a context, until what comes back is called. */
  follow(context: RenewedContext): () => void {
    this.show();
    this.factory.show();
    const showEnds = (): void => {
      for (const [name, seconds] of context.expirations) this.factory.expires(name, seconds);
    };
    showEnds();
    return context.onRenewed((cause) => {
      if (cause === "secrets") this.factory.updated();
      showEnds();
    });
  }

  /** A connection failed because secrets had not come. */
  secretsNotReady(): void {
    this.factory.notReady();
  }

  /** A handshake has failed, or a certificate was put up with that others would refuse. */
  failed({ refusal, stat }: HandshakeFailure): void {
    if (stat !== undefined) this.count(stat);
    if (refusal === undefined) return;
    const { cells } = this.#tables.refusals.row([refusal, this.#name]);
    add(cells, 0, 1);
  }

  count(stat: SslStat): void {
    add(this.show(), COLUMNS[this.#tables.kind].at[`ssl.${stat}`], 1);
  }

  value(stat: SslStat): number {
    if (this.#cells === undefined) return 0;
    return at(this.#cells, COLUMNS[this.#tables.kind].at[`ssl.${stat}`]);
  }

  handshake({ cipher, curve, peer, sessionReused, version }: HandshakeFacts): void {
    this.count("handshake");
    if (sessionReused) this.count("session_reused");
    if (peer === undefined) this.count("no_certificate");
    this.#agreed("versions", version);
    this.#agreed("ciphers", cipher);
    if (curve !== "") this.#agreed("curves", curve);
  }

  /** The owner is gone: out of every later scrape. */
  remove(): void {
    const { agreed, refusals, totals } = this.#tables;
    this.factory.remove();
    if (this.#cells === undefined) return;
    totals.remove(totals.row([this.#name]));
    for (const table of [...Object.values(agreed), refusals]) {
      for (const row of table.snapshot()) if (row.values[1] === this.#name) table.remove(row);
    }
    this.#cells = undefined;
  }

  #agreed(what: Agreed, value: string): void {
    const { cells } = this.#tables.agreed[what].row([value, this.#name]);
    add(cells, 0, 1);
  }
}
