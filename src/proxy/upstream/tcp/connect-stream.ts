// hot path: no allocation per request
import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { ResponseMessage } from "../../../codec/http/message.ts";
import type { TunnelEnd } from "../../tcp/tunnel-end.ts";
import type { ResetReason, StreamHandler } from "../stream-handler.ts";
import type { UpstreamStream } from "../upstream-stream.ts";
import { TcpConnection, type TcpConnectionOwner } from "./tcp-connection.ts";
import type { TcpPool } from "./tcp-pool.ts";

/**
 * A CONNECT that ends here: the endpoint gets its payload as TCP, and never sees the request, so
 * the answer to that is made here as well (Envoy: TcpUpstream).
 */
export class ConnectStream implements UpstreamStream, TcpConnectionOwner {
  readonly #pool: TcpPool;
  readonly #connection: TcpConnection;
  readonly #established: ResponseMessage = {
    headers: new HeaderTable(),
    status: 200,
    version: 11,
    body: "none",
    contentLength: -1,
  };
  #handler: StreamHandler | undefined;
  #over = false;

  constructor(pool: TcpPool) {
    this.#pool = pool;
    this.#connection = new TcpConnection(pool.host, this);
  }

  get localAddress(): string {
    return this.#connection.localAddress;
  }

  get protocol(): string {
    return "";
  }

  /** The tunnel's payload is nobody's to ask about. */
  get tls(): undefined {
    return undefined;
  }

  connect(): void {
    this.#connection.connect();
  }

  begin(handler: StreamHandler): void {
    this.#handler = handler;
    handler.onConnection(this);
  }

  sendHead(): void {
    this.#handler?.onResponseHead(this.#established);
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    this.#connection.write(bytes, start, end);
  }

  sendEnd(): void {
    // The request has ended with its head; the tunnel has not.
  }

  sendTrailers(): void {
    // TCP has none.
  }

  sendTunnel(bytes: Buffer, start: number, end: number): void {
    this.#connection.write(bytes, start, end);
  }

  endTunnel(): void {
    this.#connection.finish();
  }

  pauseReading(): void {
    this.#connection.pause();
  }

  resumeReading(): void {
    this.#connection.resume();
  }

  abandon(): void {
    if (this.#over) return;
    this.#settle();
    this.#connection.close();
  }

  onConnected(): void {
    this.#pool.onConnected(this);
  }

  onConnectFailed(reason: ResetReason, detail: string): void {
    this.#settle();
    this.#pool.onConnectFailed(reason, detail);
  }

  onBytes(_from: TunnelEnd, bytes: Buffer, start: number, end: number): void {
    this.#handler?.onTunnelData(bytes, start, end);
  }

  onBlocked(): void {
    this.#pool.host.cluster.stats.count("upstream_flow_control_backed_up_total");
    this.#handler?.onUpstreamBlocked();
  }

  onDrained(): void {
    this.#pool.host.cluster.stats.count("upstream_flow_control_drained_total");
    this.#handler?.onUpstreamDrained();
  }

  onEnded(): void {
    this.#handler?.onTunnelEnd();
  }

  onClosed(): void {
    const handler = this.#handler;
    if (this.#over) return;
    this.#settle();
    handler?.onReset("connection termination");
  }

  onFault(error: unknown): void {
    const handler = this.#handler;
    this.#settle();
    this.#connection.destroy();
    if (handler === undefined) this.#pool.host.cluster.context.faults.report(error);
    else handler.onFault(error);
  }

  #settle(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler = undefined;
    this.#pool.onClosed();
  }
}
