// hot path: no allocation per request
import { add, observe } from "../../../metrics/cells.ts";
import { ENVOY_BOUNDS } from "../../../metrics/column.ts";
import type { Row } from "../../../metrics/row.ts";
import { flagsIndex, formatFlags } from "../response-flags.ts";
import type { StandardTables } from "./tables.ts";

const HISTOGRAM_CELLS = ENVOY_BOUNDS.length + 2;
const REQUESTS = 0;
const DURATION = 1;
const REQUEST_BYTES = DURATION + HISTOGRAM_CELLS;
const RESPONSE_BYTES = REQUEST_BYTES + HISTOGRAM_CELLS;

const TCP_OPENED = 0;
const TCP_CLOSED = 1;
const TCP_SENT = 2;
const TCP_RECEIVED = 3;

/** gRPC has the statuses 0..16; one more for none, one more for plain HTTP. */
const GRPC_SLOTS = 18;
const CODE_SLOTS = 600;

/**
 * Istio's metrics of requests between one source and one destination, as one reporter sees them.
 * What differs from request to request (code, flags, protocol) is a number that finds the row.
 */
export class Series {
  readonly #tables: StandardTables;
  /** Label values from `reporter` to `destination_cluster`. */
  readonly #peers: readonly string[];
  readonly #security: string;
  readonly #rows = new Map<number, Row>();
  readonly #tcpRows = new Map<number, Row>();
  #lastKey = -1;
  #lastRow: Row | undefined;

  constructor(tables: StandardTables, peers: readonly string[], security: string) {
    this.#tables = tables;
    this.#peers = peers;
    this.#security = security;
  }

  /**
   * The row of one kind of outcome. `code` outside 100..599 counts as 0, Istio's word for "no
   * response"; `grpcStatus` outside 0..16 as unknown.
   */
  row(code: number, flags: number, grpc: boolean, grpcStatus: number): Row {
    const status = code >= 100 && code <= 599 ? code : 0;
    const slot = !grpc ? 0 : grpcStatus >= 0 && grpcStatus <= 16 ? grpcStatus + 1 : GRPC_SLOTS - 1;
    const key = (flagsIndex(flags) * CODE_SLOTS + status) * GRPC_SLOTS + slot;
    const last = this.#lastRow;
    if (key === this.#lastKey && last?.live) return last;
    let row = this.#rows.get(key);
    if (row === undefined || !row.live) {
      row = this.#resolve(status, flags, slot);
      this.#rows.set(key, row);
    }
    this.#lastKey = key;
    this.#lastRow = row;
    return row;
  }

  /** Accounts one request in its row. */
  record(row: Row, durationMs: number, requestBytes: number, responseBytes: number): void {
    const { cells } = row;
    add(cells, REQUESTS, 1);
    observe(cells, DURATION, ENVOY_BOUNDS, durationMs);
    observe(cells, REQUEST_BYTES, ENVOY_BOUNDS, requestBytes);
    observe(cells, RESPONSE_BYTES, ENVOY_BOUNDS, responseBytes);
  }

  /** The row of TCP connections with these flags. */
  tcpRow(flags: number): Row {
    const key = flagsIndex(flags);
    let row = this.#tcpRows.get(key);
    if (row === undefined || !row.live) {
      row = this.#tables.tcp.row(this.#peers.concat("tcp", formatFlags(flags), this.#security));
      this.#tcpRows.set(key, row);
    }
    return row;
  }

  #resolve(code: number, flags: number, slot: number): Row {
    const grpcStatus = slot === 0 || slot === GRPC_SLOTS - 1 ? "" : String(slot - 1);
    return this.#tables.http.row(
      this.#peers.concat(
        slot === 0 ? "http" : "grpc",
        String(code),
        grpcStatus,
        formatFlags(flags),
        this.#security,
      ),
    );
  }
}

/** Istio's metrics of one TCP connection. */
export class TcpAccount {
  #series: Series | undefined;
  #row: Row | undefined;

  /** Both sides are connected, or (with flags) it is clear that they never will be. */
  open(series: Series, flags: number): void {
    this.#series = series;
    this.#row = series.tcpRow(flags);
    add(this.#row.cells, TCP_OPENED, 1);
  }

  /** Bytes written to the client. */
  sent(bytes: number): void {
    this.#count(TCP_SENT, bytes);
  }

  /** Bytes read from the client. */
  received(bytes: number): void {
    this.#count(TCP_RECEIVED, bytes);
  }

  /** Counts where it was opened: the flags of a connection's end do not make new series. */
  close(): void {
    this.#count(TCP_CLOSED, 1);
    this.#series = undefined;
    this.#row = undefined;
  }

  #count(cell: number, amount: number): void {
    const row = this.#row;
    if (row === undefined || this.#series === undefined) return;
    if (!row.live) this.#row = this.#series.tcpRow(0);
    add((this.#row ?? row).cells, cell, amount);
  }
}
