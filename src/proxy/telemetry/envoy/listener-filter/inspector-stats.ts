import type { ClientHello } from "../../../../codec/tls/client-hello.ts";
import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumns } from "../columns.ts";

/** Envoy: configuration/listeners/listener_filters/tls_inspector, statistics. */
export type TlsInspectorStat =
  | "tls_found"
  | "tls_not_found"
  | "sni_found"
  | "sni_not_found"
  | "alpn_found"
  | "alpn_not_found"
  | "client_hello_too_large";

const TLS: ColumnSet<TlsInspectorStat> = envoyColumns("tls_inspector", {
  tls_found: ["counter", "Connections that began with a ClientHello."],
  tls_not_found: ["counter", "Connections that began with anything else."],
  sni_found: ["counter", "ClientHellos that named a server."],
  sni_not_found: ["counter", "ClientHellos that named none."],
  alpn_found: ["counter", "ClientHellos that named protocols."],
  alpn_not_found: ["counter", "ClientHellos that named none."],
  client_hello_too_large: ["counter", "Connections closed for a ClientHello that was too long."],
});

/** Envoy: configuration/listeners/listener_filters/http_inspector, statistics. */
export type HttpInspectorStat =
  | "http10_found"
  | "http11_found"
  | "http2_found"
  | "http_not_found"
  | "read_error";

const HTTP: ColumnSet<HttpInspectorStat> = envoyColumns("http_inspector", {
  http10_found: ["counter", "Connections that spoke HTTP/1.0."],
  http11_found: ["counter", "Connections that spoke HTTP/1.1."],
  http2_found: ["counter", "Connections that spoke HTTP/2."],
  http_not_found: ["counter", "Connections that spoke something else."],
  read_error: ["counter", "Connections that could not be read; never any."],
});

const FOUND: Readonly<Record<string, HttpInspectorStat>> = {
  "http/1.0": "http10_found",
  "http/1.1": "http11_found",
  h2c: "http2_found",
};

/** What all listeners' inspectors have found; shown once a listener has one. */
export class InspectorStats {
  readonly #tlsTable: Table;
  readonly #httpTable: Table;
  #tls: Float64Array | undefined;
  #http: Float64Array | undefined;

  constructor(registry: Registry) {
    this.#tlsTable = tableOf(registry, "tls_inspector", TLS);
    this.#httpTable = tableOf(registry, "http_inspector", HTTP);
  }

  showTls(): void {
    this.#tls ??= this.#tlsTable.row([]).cells;
  }

  showHttp(): void {
    this.#http ??= this.#httpTable.row([]).cells;
  }

  /** Undefined: it was no ClientHello. */
  helloRead(hello: ClientHello | undefined): void {
    this.countTls(hello === undefined ? "tls_not_found" : "tls_found");
    if (hello === undefined) return;
    this.countTls(hello.serverName === "" ? "sni_not_found" : "sni_found");
    this.countTls(hello.alpnProtocols.length === 0 ? "alpn_not_found" : "alpn_found");
  }

  /** As the application protocol that was found: `http/1.1`, `h2c`. */
  requestRead(protocol: string): void {
    this.showHttp();
    const stat = Object.hasOwn(FOUND, protocol) ? FOUND[protocol] : undefined;
    if (this.#http !== undefined) add(this.#http, HTTP.at[stat ?? "http_not_found"], 1);
  }

  countTls(stat: TlsInspectorStat): void {
    this.showTls();
    if (this.#tls !== undefined) add(this.#tls, TLS.at[stat], 1);
  }

  tls(stat: TlsInspectorStat): number {
    return this.#tls === undefined ? 0 : at(this.#tls, TLS.at[stat]);
  }

  http(stat: HttpInspectorStat): number {
    return this.#http === undefined ? 0 : at(this.#http, HTTP.at[stat]);
  }
}

function tableOf<S extends string>(
  registry: Registry,
  name: string,
  { columns }: ColumnSet<S>,
): Table {
  return registry.table({
    name,
    columns,
    labelNames: [],
    rowsMax: 1,
    statName: (column) => `${name}.${column.stat}`,
  });
}
