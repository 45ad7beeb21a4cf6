import { isIP, type Socket } from "node:net";
import type { Timer } from "../../base/clock.ts";
import type { Address, SocketAddress } from "../../model/address.ts";
import type { Listener } from "../../model/listener.ts";
import type { ProxyContext } from "../cluster/upstream-cluster.ts";
import { contained } from "../faults.ts";
import type { ListenerStats } from "../telemetry/envoy/listener-stats.ts";
import { Accepted } from "./accepted.ts";
import type { BoundSocket } from "./bound-socket.ts";
import type { ChainSet, CompiledChain } from "./filter-chain.ts";
import type { ClientConnection, ConnectionOwner } from "./http/client-connection.ts";
import { serveHttp } from "./http/codec-choice.ts";
import { originalDestination } from "./original-destination.ts";
import { type Sniffed, sniff } from "./sniff.ts";
import { TcpTunnel } from "./tcp-proxy.ts";

const NO_BYTES: Buffer = Buffer.alloc(0);

/** Finds the listener that stands for an intercepted connection's destination. */
export type FindListener = (destination: Address) => ProxyListener | undefined;

/** A listener at work: accepts, sniffs, chooses the filter chain. */
export class ProxyListener implements ConnectionOwner {
  config: Listener;
  readonly #context: ProxyContext;
  readonly #find: FindListener;
  readonly #stats: ListenerStats;
  readonly #connections = new Set<ClientConnection>();
  readonly #tunnels = new Set<TcpTunnel>();
  #chains: ChainSet;
  #bound: BoundSocket | undefined;

  constructor(config: Listener, chains: ChainSet, context: ProxyContext, find: FindListener) {
    this.config = config;
    this.#chains = chains;
    this.#context = context;
    this.#find = find;
    this.#stats = context.telemetry.listener(config.address);
  }

  /** Where it listens, with the port that the kernel chose; undefined while it does not. */
  get boundAddress(): Address | undefined {
    return this.#bound?.address;
  }

  get connectionCount(): number {
    return this.#connections.size + this.#tunnels.size;
  }

  /** Serves what comes at this socket, from now on. */
  open(socket: BoundSocket): void {
    this.#bound = socket;
    socket.serve((accepted) => this.#acceptContained(accepted));
  }

  /** The socket, for another listener to open; connections stay. Undefined without one. */
  release(): BoundSocket | undefined {
    const bound = this.#bound;
    this.#bound = undefined;
    return bound;
  }

  /** New connections see the new chains; old ones end with the request that they serve. */
  change(config: Listener, chains: ChainSet): void {
    this.config = config;
    if (this.#chains === chains) return;
    this.#chains = chains;
    this.#drainConnections();
  }

  /** Accepts no more; connections end with the request that they serve. */
  drain(): void {
    this.release()?.close();
    this.#drainConnections();
  }

  destroy(): void {
    this.drain();
    for (const connection of this.#connections) connection.destroy();
    for (const tunnel of this.#tunnels) tunnel.destroy();
  }

  /** Serves a connection as if it had been accepted here. */
  serve(accepted: Accepted, first: Buffer): void {
    if (this.#chains.needsSniffing(accepted.destination)) this.#sniff(accepted, first);
    else this.#start(accepted, "other", first);
  }

  onConnectionClosed(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  /** A name that no listener of its port waits for is looked up: its address may have one. */
  onTunnel(accepted: Accepted, destination: SocketAddress, first: Buffer): void {
    const listener = this.#find(destination);
    const known = isIP(destination.host) !== 0 || listener?.config.useOriginalDst === false;
    if (known) {
      this.#enterTunnel(accepted, destination, first);
      return;
    }
    accepted.socket.pause();
    const owner = { onFault: (error: unknown) => this.#fault(accepted.socket, error) };
    const enter = contained(owner, (host: string) =>
      this.#enterTunnel(accepted, { ...destination, host }, first),
    );
    this.#context.resolve(destination.host).then(
      ([address]) => enter(address ?? destination.host),
      () => enter(destination.host),
    );
  }

  #enterTunnel(accepted: Accepted, destination: SocketAddress, first: Buffer): void {
    const { socket } = accepted;
    const listener = this.#find(destination);
    if (listener === undefined || listener === this || socket.destroyed) socket.destroy();
    else listener.serve(new Accepted(socket, destination, false), first);
  }

  #acceptContained(socket: Socket): void {
    try {
      this.#accept(socket);
    } catch (error) {
      this.#fault(socket, error);
    }
  }

  #fault(socket: Socket, error: unknown): void {
    this.#context.faults.report(error);
    socket.destroy();
  }

  #accept(socket: Socket): void {
    const openedMs = this.#context.clock.now();
    this.#stats.connectionOpened();
    socket.on("close", () => this.#stats.connectionClosed(this.#context.clock.now() - openedMs));
    const accepted = new Accepted(socket, this.#originalDestination(socket));
    const { originalDestination: intercepted } = accepted;
    const other =
      this.config.useOriginalDst && intercepted !== undefined ? this.#find(intercepted) : undefined;
    (other ?? this).serve(accepted, NO_BYTES);
  }

  #originalDestination(socket: Socket): SocketAddress | undefined {
    const { listenerFilters, useOriginalDst } = this.config;
    if (!useOriginalDst && !listenerFilters.includes("originalDst")) return undefined;
    const handle = (socket as Socket & { _handle?: { fd?: number } })._handle;
    return originalDestination(handle?.fd ?? -1, socket.localFamily === "IPv6");
  }

  /** Reads until the protocol is plain; a client that stays silent is let through or not. */
  #sniff(accepted: Accepted, first: Buffer): void {
    const { socket } = accepted;
    let bytes = first;
    accepted.fresh = false;
    let timer: Timer | undefined;
    const settle = (protocol: Sniffed): void => {
      timer?.cancel();
      socket.removeListener("data", take);
      socket.removeListener("end", end);
      socket.removeListener("error", end);
      this.#start(accepted, protocol, bytes);
    };
    const owner = { onFault: (error: unknown) => this.#fault(socket, error) };
    const end = contained(owner, () => settle("other"));
    const take = contained(owner, (more: Buffer) => {
      bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
      const protocol = sniff(bytes);
      if (protocol !== "more") settle(protocol);
    });
    socket.on("data", take);
    socket.on("end", end);
    socket.on("error", end);
    socket.resume();
    const timeoutMs = this.config.listenerFiltersTimeoutMs;
    if (timeoutMs > 0) {
      const late = contained(owner, () => {
        this.#stats.count("downstream_pre_cx_timeout");
        if (this.config.continueOnListenerFiltersTimeout) settle("other");
        else socket.destroy();
      });
      timer = this.#context.clock.after(timeoutMs, late);
    }
    if (first.length > 0) take(NO_BYTES);
  }

  #start(accepted: Accepted, protocol: Sniffed, first: Buffer): void {
    const { socket } = accepted;
    const chain = this.#chains.find(accepted.destination, protocol);
    if (chain === undefined) {
      this.#stats.count("no_filter_chain_match");
      socket.destroy();
      return;
    }
    this.#run(chain, accepted, first);
  }

  #run(chain: CompiledChain, accepted: Accepted, first: Buffer): void {
    if (chain.filter.kind === "http") {
      const connection = serveHttp(accepted, chain.filter.hcm, this);
      this.#connections.add(connection);
      if (first.length > 0) connection.onData(first);
      return;
    }
    const forget = (closed: TcpTunnel): void => {
      this.#tunnels.delete(closed);
    };
    this.#tunnels.add(new TcpTunnel(accepted, chain.filter.tcp, first, forget));
  }

  #drainConnections(): void {
    for (const connection of [...this.#connections]) connection.drain();
  }
}
