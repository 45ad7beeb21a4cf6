import type { Socket } from "node:net";
import type { Address, SocketAddress } from "../../model/address.ts";
import { formatAddress, socketAddress } from "../../model/address.ts";
import type { TunnelClient } from "../tcp/tunnel-end.ts";
import type { Reader, SecureConnection } from "../tls/handshake.ts";
import type { TlsInfo } from "../tls/tls-info.ts";
import { rewrap } from "../upstream/shared-read.ts";
import type { ConnectionLog } from "./log/connection-log.ts";

/** A connection that a listener has accepted, and where it comes from and wanted to go. */
export class Accepted implements TunnelClient {
  /** The connection's other end. */
  readonly direct: SocketAddress;
  /** Where the client is: by its PROXY protocol header, else the connection's other end. */
  remote: SocketAddress;
  remoteAddress: string;
  /** What the client believes to talk to: the original destination, else the local address. */
  destination: Address;
  /** Only of a connection that was intercepted, or whose PROXY protocol header names one. */
  originalDestination: SocketAddress | undefined;
  /** When a listener accepted it; undefined for what came inside another connection. */
  acceptedMs: number | undefined;
  /** How long listener filters have waited for its bytes already. */
  inspectedMs = 0;
  /** What the client calls the server in its ClientHello; empty where it does not. */
  serverName = "";

  /** Nothing has been read of it yet. */
  fresh: boolean;
  /** When an HTTP connection manager took it. */
  openedMs = 0;
  /** What was agreed upon with the client; undefined where TLS is not terminated. */
  tls: TlsInfo | undefined;
  /** Of the TLS context that has secured it. */
  tlsGeneration = 0;
  /** Undefined where its listener writes no log. */
  log: ConnectionLog | undefined;
  #socket: Socket;
  #reader: Reader | undefined;
  #taker: ((bytes: Buffer) => void) | undefined;

  constructor(socket: Socket, originalDestination: SocketAddress | undefined, fresh = true) {
    this.#socket = socket;
    this.fresh = fresh;
    this.direct = socketAddress(plainIp(socket.remoteAddress ?? ""), socket.remotePort ?? 0);
    this.remote = this.direct;
    this.remoteAddress = formatAddress(this.direct);
    this.originalDestination = originalDestination;
    this.destination =
      originalDestination ??
      socketAddress(plainIp(socket.localAddress ?? ""), socket.localPort ?? 0);
  }

  get socket(): Socket {
    return this.#socket;
  }

  get remoteIp(): string {
    return this.remote.host;
  }

  get directRemoteAddress(): string {
    return formatAddress(this.direct);
  }

  get localAddress(): string {
    return formatAddress(this.destination);
  }

  /** The client speaks TLS to this proxy. */
  get secure(): boolean {
    return this.tls !== undefined;
  }

  /** What the client and this proxy have agreed upon in the TLS handshake; else empty. */
  get alpn(): string {
    return this.tls?.alpn ?? "";
  }

  /** A PROXY protocol header says whose it is, and where that client believes to be. */
  proxied(remote: SocketAddress, destination: SocketAddress): void {
    this.remote = remote;
    this.remoteAddress = formatAddress(remote);
    this.destination = destination;
    this.originalDestination = destination;
  }

  /** TLS has been terminated: from now on the connection is what it protects. */
  terminated({ generation, reader, socket, tls }: SecureConnection): void {
    this.#socket = socket;
    this.tlsGeneration = generation;
    this.#reader = reader;
    this.tls = tls;
  }

  /**
   * Reads: from now on each piece goes to this taker, which throws nothing. `shared`: the socket
   * may be replaced by one that reads into a buffer shared by all, which saves most of the cost.
   */
  readTo(taker: (bytes: Buffer) => void, shared: boolean): void {
    const reading = this.#taker !== undefined;
    this.#taker = taker;
    if (this.#reader !== undefined) this.#reader.onBytes = taker;
    if (reading || this.#reader !== undefined) return;
    const take = (bytes: Buffer): void => this.#taker?.(bytes);
    if (shared && this.fresh) {
      this.#socket = rewrap(this.#socket, take);
      return;
    }
    this.#socket.on("data", take);
    this.#socket.resume();
  }
}

/** `::ffff:10.0.0.1`, as a dual-stack socket says it, is `10.0.0.1`. */
export function plainIp(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
