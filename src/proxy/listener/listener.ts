import { isIP, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { ClientHello } from "../../codec/tls/client-hello.ts";
import type { Address, SocketAddress } from "../../model/address.ts";
import type { Listener, ProxyProtocolFilter } from "../../model/listener.ts";
import { CARRYING_TCP_ALPN } from "../carry/protocol.ts";
import type { ProxyContext } from "../cluster/upstream-cluster.ts";
import type { DnsQuestion } from "../dns/resolver.ts";
import { contained } from "../faults.ts";
import type { HeldSocket } from "../graceful/inheritance.ts";
import type { CompiledTcpProxy } from "../tcp/compiled-tcp-proxy.ts";
import { TcpTunnel } from "../tcp/tunnel.ts";
import type { DownstreamEnd } from "../tcp/tunnel-end.ts";
import type { AccessLogger } from "../telemetry/access-log/logger.ts";
import type { HttpStats } from "../telemetry/envoy/http-stats.ts";
import type { ListenerStats } from "../telemetry/envoy/listener-stats.ts";
import { type HandshakeOwner, ServerHandshake } from "../tls/handshake.ts";
import type { ServerContext } from "../tls/server-context.ts";
import { Accepted } from "./accepted.ts";
import type { BoundSocket } from "./bound-socket.ts";
import type { ChainSet, CompiledChain } from "./filter-chain.ts";
import { type Peeked, SILENT } from "./first-bytes.ts";
import type { ChoosingOwner, ClientConnection } from "./http/client-connection.ts";
import { CodecChoice } from "./http/codec-choice.ts";
import { Inspections } from "./inspect/inspections.ts";
import { ConnectionLog } from "./log/connection-log.ts";
import { Ends } from "./match/ends.ts";
import { originalDestination } from "./original-destination.ts";
import { ServedSockets } from "./served-sockets.ts";
import { SocketEnd } from "./tcp/socket-end.ts";
import { TcpCarrier } from "./tcp/tcp-carrier.ts";

/** Nobody can tell whether a TCP connection is idle: it ends in time. */
const UNINTERRUPTED = (): void => undefined;

const NO_BYTES: Buffer = Buffer.alloc(0);
/** Names that an explicit proxy's clients ask for; IPv4 comes first, as everybody can reach it. */
const EITHER_FAMILY: DnsQuestion = { family: "v4Preferred", resolvers: [], wantsTtl: false };

/** How long an idle connection that has to go waits for a request (Envoy: drain_timeout). */
const PATIENCE_MS = 5000;
const NO_HELLO: ClientHello = { serverName: "", alpnProtocols: [] };

/** A listener's configuration with its compiled chains. */
export interface CompiledListener {
  readonly config: Listener;
  readonly chains: ChainSet;
  /** Of its connections. */
  readonly logs: readonly AccessLogger[];
}

/** Finds the listener that stands for an intercepted connection's destination. */
export type FindListener = (destination: Address) => ProxyListener | undefined;

/** A listener at work: accepts, sniffs, chooses the filter chain. */
export class ProxyListener implements ChoosingOwner {
  config: Listener;
  readonly #context: ProxyContext;
  readonly #find: FindListener;
  readonly #stats: ListenerStats;
  readonly #connections = new Set<ClientConnection>();
  readonly #tunnels = new Set<TcpTunnel>();
  readonly #served: ServedSockets;
  /** Those whose filter is not yet known. */
  readonly #inspections: Inspections;
  /** Those whose TLS handshake is not over. */
  readonly #pending = new Set<{ destroy(): void }>();
  #chains: ChainSet;
  #logs: readonly AccessLogger[];
  /** Ends what tells of the secrets of its chains. */
  #unfollow: readonly (() => void)[] = [];
  #bound: BoundSocket | undefined;
  /** New connections hear that they shall go elsewhere, after so long without a request. */
  #discouragedMs: number | undefined;

  constructor(compiled: CompiledListener, context: ProxyContext, find: FindListener) {
    const { chains, config, logs } = compiled;
    this.config = config;
    this.#chains = chains;
    this.#logs = logs;
    this.#context = context;
    this.#find = find;
    this.#served = new ServedSockets(context.clock);
    this.#stats = context.telemetry.listener(config.address);
    this.#followSecrets();
    this.#inspections = new Inspections(context, this.#stats, ({ socket }, error) =>
      this.#fault(socket, error),
    );
  }

  /** Where it listens, with the port that the kernel chose; undefined while it does not. */
  get boundAddress(): Address | undefined {
    return this.#bound?.address;
  }

  get connectionCount(): number {
    const begun = this.#connections.size + this.#tunnels.size;
    return begun + this.#pending.size + this.#inspections.size;
  }

  /** What it listens with. */
  get held(): readonly HeldSocket[] {
    return this.#bound?.held ?? [];
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

  /** Accepts on, or leaves connections waiting (Envoy: stop_accepting_connections). */
  set accepting(accepting: boolean) {
    if (accepting) this.#bound?.serve((accepted) => this.#acceptContained(accepted));
    else this.#bound?.hold();
  }

  onIdleTimeouts(): void {
    for (const connection of this.#connections) connection.onIdleTimeouts();
  }

  /**
   * Goes on accepting, and every client hears that it shall go elsewhere; what is idle has so long
   * for a request that is on its way. Undefined: clients that come from now on may stay.
   */
  discourage(patienceMs: number | undefined): void {
    this.#discouragedMs = patienceMs;
    if (patienceMs !== undefined) this.#drainConnections(patienceMs);
  }

  /**
   * New connections see the new chains; old ones end with the request that they serve, and at last
   * where theirs is gone (served-sockets.ts).
   */
  change({ chains, config, logs }: CompiledListener): void {
    this.config = config;
    this.#logs = logs;
    if (this.#chains === chains) return;
    this.#chains = chains;
    this.#followSecrets();
    this.#served.chainsChanged(chains);
    this.#drainConnections(PATIENCE_MS);
  }

  /** Accepts no more; connections end with the request that they serve. See `discourage`. */
  drain(patienceMs: number = PATIENCE_MS): void {
    this.release()?.close();
    this.discourage(patienceMs);
  }

  destroy(): void {
    for (const unfollow of this.#unfollow) unfollow();
    this.drain(0);
    for (const connection of this.#connections) connection.destroy();
    for (const tunnel of this.#tunnels) tunnel.destroy();
    for (const pending of this.#pending) pending.destroy();
    this.#inspections.destroy();
  }

  /** Serves a connection as if it had been accepted here. */
  serve(accepted: Accepted, first: Buffer): void {
    if (this.#logs.length > 0) {
      accepted.log = new ConnectionLog(accepted, this.#context.clock, this.#logs);
    }
    const ends = new Ends(accepted);
    const inspected = this.config.listenerFilters.includes("tlsInspector");
    const hello = this.#chains.needsHello(ends, inspected);
    const request = this.#chains.needsRequest(ends);
    if (!hello && !request) {
      this.#start(accepted, { says: SILENT, hello: undefined, bytes: first });
      return;
    }
    const start = (peeked: Peeked): void => this.#start(accepted, peeked);
    this.#inspections.peek(accepted, first, { hello, request }, this.config, start);
  }

  onChosen(choosing: ClientConnection, chosen: ClientConnection): void {
    this.#connections.delete(choosing);
    this.#connections.add(chosen);
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
    this.#context.resolve(destination.host, EITHER_FAMILY).then(
      ({ addresses: [address] }) => enter(address ?? destination.host),
      () => enter(destination.host),
    );
  }

  #enterTunnel(accepted: Accepted, destination: SocketAddress, first: Buffer): void {
    const { socket } = accepted;
    const listener = this.#find(destination);
    if (listener === undefined || listener === this || socket.destroyed) socket.destroy();
    else listener.serve(new Accepted(socket, destination, false), first);
  }

  #followSecrets(): void {
    for (const unfollow of this.#unfollow) unfollow();
    const { contexts } = this.#chains;
    const stats = this.#context.telemetry.listenerTls(this.config.address);
    this.#unfollow = contexts.map((tls) => stats.follow(tls));
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
    const { clock, overload } = this.#context;
    const refusal = overload.refusalOf(socket);
    if (refusal !== undefined) {
      this.#stats.count(refusal);
      socket.destroy();
      return;
    }
    socket.on("close", () => overload.releaseConnection());
    const accepted = new Accepted(socket, this.#originalDestination(socket));
    accepted.acceptedMs = clock.now();
    const filter = this.config.listenerFilters.find(isProxyProtocol);
    if (filter === undefined) {
      this.#enter(accepted, NO_BYTES);
      return;
    }
    const enter = (rest: Buffer): void => this.#enter(accepted, rest);
    this.#inspections.readHeader(accepted, filter, this.config, enter);
  }

  /** Where it wanted to go, it is served. */
  #enter(accepted: Accepted, first: Buffer): void {
    const { originalDestination: intercepted } = accepted;
    const other =
      this.config.useOriginalDst && intercepted !== undefined ? this.#find(intercepted) : undefined;
    (other ?? this).serve(accepted, first);
  }

  #originalDestination(socket: Socket): SocketAddress | undefined {
    const { listenerFilters, useOriginalDst } = this.config;
    if (!useOriginalDst && !listenerFilters.includes("originalDst")) return undefined;
    const handle = (socket as Socket & { _handle?: { fd?: number } })._handle;
    return originalDestination(handle?.fd ?? -1, socket.localFamily === "IPv6");
  }

  #start(accepted: Accepted, peeked: Peeked): void {
    const chain = this.#chains.find(new Ends(accepted), peeked.says);
    accepted.serverName = peeked.says.serverName;
    if (chain === undefined) {
      this.#stats.count("no_filter_chain_match");
      accepted.log?.unmatched();
      accepted.socket.destroy();
      return;
    }
    accepted.log?.matched(chain.name);
    this.#countServed(accepted);
    if (chain.tls === undefined) this.#run(chain, accepted, peeked);
    else this.#terminate(chain, chain.tls, accepted, peeked);
  }

  /** As in Envoy, a connection counts for whoever serves it, once it is known to be served. */
  #countServed({ acceptedMs, socket }: Accepted): void {
    if (acceptedMs === undefined) return;
    const { clock } = this.#context;
    this.#stats.connectionOpened();
    socket.on("close", () => this.#stats.connectionClosed(clock.now() - acceptedMs));
  }

  #terminate(
    chain: CompiledChain,
    context: ServerContext,
    accepted: Accepted,
    peeked: Peeked,
  ): void {
    const stats = this.#context.telemetry.listenerTls(this.config.address);
    if (!context.ready) {
      stats.secretsNotReady();
      accepted.socket.destroy();
      return;
    }
    const owner: HandshakeOwner = {
      onSecure: (connection, handshake) => {
        this.#pending.delete(handshake);
        accepted.terminated(connection);
        accepted.log?.handshakeSucceeded();
        this.#run(chain, accepted, { ...peeked, bytes: NO_BYTES });
      },
      onHandshakeFailed: (handshake) => {
        this.#pending.delete(handshake);
        accepted.log?.handshakeFailed(handshake.failureReason, handshake.shown);
      },
      onFault: (error) => {
        this.#context.faults.report(error);
        handshake.destroy();
      },
    };
    accepted.log?.handshakeBegins();
    if (chain.filter.kind === "http") countSecure(accepted.socket, chain.filter.hcm.account.http);
    const handshake = new ServerHandshake(accepted.socket, owner, {
      context,
      hello: peeked.hello ?? NO_HELLO,
      first: peeked.bytes,
      stats,
      clock: this.#context.clock,
      shared: chain.sharesReads,
      ownProtocol: chain.ownProtocol,
    });
    this.#pending.add(handshake);
  }

  #run(chain: CompiledChain, accepted: Accepted, { bytes: first, says }: Peeked): void {
    this.#served.add(accepted, chain, says);
    if (chain.filter.kind === "http") {
      const connection = new CodecChoice(accepted, chain.filter.hcm, this);
      this.#connections.add(connection);
      follow(chain, accepted, () => connection.drain(PATIENCE_MS));
      // What was accepted before is served, and told that it may not stay.
      const patienceMs = this.#discouragedMs;
      if (patienceMs !== undefined) connection.drain(patienceMs || PATIENCE_MS);
      if (first.length > 0) connection.onData(first);
      return;
    }
    const { tcp } = chain.filter;
    if (accepted.alpn === CARRYING_TCP_ALPN) {
      const carrier = this.#openCarrier(accepted, tcp);
      follow(chain, accepted, () => carrier.drain());
      return;
    }
    follow(chain, accepted, UNINTERRUPTED);
    this.#openTunnel(new SocketEnd(accepted), tcp, first);
  }

  /** Each of its streams is a connection of the same TCP proxy. */
  #openCarrier(accepted: Accepted, tcp: CompiledTcpProxy): TcpCarrier {
    const open = (down: DownstreamEnd): void => this.#openTunnel(down, tcp, NO_BYTES);
    const carrier = new TcpCarrier(accepted, tcp.context, { owner: this, open });
    this.#connections.add(carrier);
    if (this.#discouragedMs !== undefined) carrier.drain();
    return carrier;
  }

  #openTunnel(down: DownstreamEnd, tcp: CompiledTcpProxy, first: Buffer): void {
    const tunnel = new TcpTunnel(down, tcp, (over) => this.#tunnels.delete(over));
    this.#tunnels.add(tunnel);
    tunnel.begin(first);
  }

  #drainConnections(patienceMs: number): void {
    for (const connection of [...this.#connections]) connection.drain(patienceMs);
  }
}

function isProxyProtocol(
  filter: Listener["listenerFilters"][number],
): filter is ProxyProtocolFilter {
  return typeof filter !== "string";
}

/** What TLS has secured goes when its certificate or bundle does. */
function follow({ tls }: CompiledChain, accepted: Accepted, drain: () => void): void {
  const { socket, tlsGeneration: generation } = accepted;
  if (socket instanceof TLSSocket) tls?.connections.add({ socket, generation, drain });
}

function countSecure(socket: Socket, http: HttpStats): void {
  http.count("downstream_cx_ssl_total");
  http.count("downstream_cx_ssl_active");
  socket.on("close", () => http.count("downstream_cx_ssl_active", -1));
}
