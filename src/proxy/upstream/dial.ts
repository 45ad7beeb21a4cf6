import {
  connect,
  isIPv6,
  type LookupFunction,
  type OnReadOpts,
  type Socket,
  type TcpNetConnectOpts,
} from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { PeerCertificate } from "../../identity/peer-certificate.ts";
import type { Address, SocketAddress } from "../../model/address.ts";
import type { TcpKeepalive } from "../../model/cluster.ts";
import type { SslStats } from "../telemetry/envoy/tls/ssl-stats.ts";
import type { ClientContext } from "../tls/client-context.ts";
import {
  brokenHandshake,
  type HandshakeFailure,
  refusedCertificate,
  UNREADABLE,
} from "../tls/failure-text.ts";
import {
  chainErrorOf,
  describeTls,
  type OwnCertificates,
  ownCertificates,
  type TlsInfo,
} from "../tls/tls-info.ts";
import { readInto } from "./shared-read.ts";

/** More is refused by the kernel (tcp(7)). */
const KEEPALIVE_S_MAX = 32_767;
const KEEPALIVE_PROBES_MAX = 127;

/** Pools drain their own connections. */
const NOT_HERE = (): void => undefined;

/** What TLS 1.3 is called; each of its tickets is to be used once. */
const TLS_1_3 = "TLSv1.3";

export interface DialOptions {
  readonly bindAddress: SocketAddress | undefined;
  readonly tcpKeepalive: TcpKeepalive | undefined;
  readonly allowHalfOpen: boolean;
  /** Further addresses of the same endpoint, tried where the first is slow or refuses. */
  readonly alternatives: readonly Address[];
  /** Sent before all else, TLS included (PROXY protocol); undefined: nothing. */
  readonly head?: Buffer | undefined;
  /** Takes what is read, out of a buffer that the next read overwrites; else `data` events. */
  readonly onBytes?: (bytes: Buffer) => void;
}

export interface TlsDialOptions extends DialOptions {
  readonly context: ClientContext;
  /** Offered before all others; empty for none. */
  readonly ownProtocol: string;
  /** Offered where the context's configuration lists none. */
  readonly usualProtocols: readonly string[];
  readonly stats: SslStats;
  /** The endpoint is the right one: from now on bytes may be written. */
  readonly onSecure: (tls: TlsInfo) => void;
}

/** Starts to open a connection; nothing is awaited. */
export function dial(address: Address, options: DialOptions): Socket {
  const socket = connect(targetOf(address, options));
  keepAlive(socket, options);
  // Until it is connected this waits, in front of all that is written later.
  if (options.head !== undefined) socket.write(options.head);
  return socket;
}

/**
 * As `dial`, with TLS. Where the handshake fails, or the endpoint's certificate is refused, the
 * socket emits an `error` whose message is Envoy's `%UPSTREAM_TRANSPORT_FAILURE_REASON%`, and then
 * `close`; `onSecure` is then never called. Throws nothing.
 */
export function dialTls(address: Address, options: TlsDialOptions): TLSSocket {
  const { context, ownProtocol, usualProtocols } = options;
  const offer = context.offer(ownProtocol, usualProtocols);
  const session = context.sessions.take();
  const { secure: secureContext, serverName } = context;
  const headed = options.head === undefined ? undefined : dialHeaded(address, options);
  const socket = connectTls({
    ...(headed === undefined ? targetOf(address, options) : { socket: headed }),
    secureContext,
    // Certificates are judged here, as Envoy judges them; resumed sessions' too.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...(offer === undefined ? {} : { ALPNProtocols: offer }),
    ...(session === undefined ? {} : { session: session.bytes }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  });
  if (headed === undefined) keepAlive(socket, options);
  else followHeaded(socket, headed, options);
  secure(socket, options, ownCertificates(context.config, secureContext), session?.peer);
  return socket;
}

/** TLS begins behind a head of plain bytes, so it gets a socket that has written that. */
function dialHeaded(address: Address, options: TlsDialOptions): Socket {
  const { onBytes: _, ...plain } = options;
  return dial(address, { ...plain, alternatives: [] });
}

/** Such a socket reads through `data` events alone. */
function followHeaded(socket: TLSSocket, headed: Socket, { onBytes }: TlsDialOptions): void {
  headed.on("error", (error) => socket.destroy(error));
  if (onBytes !== undefined) socket.on("data", onBytes);
}

function secure(
  socket: TLSSocket,
  options: TlsDialOptions,
  own: OwnCertificates,
  known: PeerCertificate | undefined,
): void {
  const { context, onSecure, stats } = options;
  const { sessions, generation } = context;
  let secured: TlsInfo | undefined;
  const refuse = (failure: HandshakeFailure, error: Error): void => {
    stats.failed(failure);
    error.message = failure.reason;
  };
  // Whoever listens later hears the reason already: listeners are called in their order.
  socket.on("error", (error) => {
    if (secured === undefined && !(error instanceof RefusedCertificate))
      refuse(brokenHandshake(error), error);
    socket.destroy();
  });
  socket.on("secureConnect", () => {
    const { failure, tls } = judge(socket, context, own, known);
    if (tls === undefined || (failure !== undefined && !context.verifier.accepting)) {
      const error = new RefusedCertificate(failure?.reason);
      if (failure !== undefined) refuse(failure, error);
      socket.destroy(error);
      return;
    }
    if (failure !== undefined) stats.failed(failure);
    secured = tls;
    context.connections.add({ socket, generation, drain: NOT_HERE });
    stats.handshake(tls);
    onSecure(tls);
  });
  if (!sessions.enabled) return;
  socket.on("session", (bytes) => {
    if (secured === undefined || context.generation !== generation) return;
    sessions.put({ bytes, once: secured.version === TLS_1_3, peer: secured.peer });
  });
}

/** The endpoint has shown a certificate that is not good enough. */
class RefusedCertificate extends Error {}

interface Verdict {
  /** Undefined where the certificate could not even be read. */
  readonly tls: TlsInfo | undefined;
  readonly failure: HandshakeFailure | undefined;
}

function judge(
  socket: TLSSocket,
  { serverName, verifier }: ClientContext,
  own: OwnCertificates,
  known: PeerCertificate | undefined,
): Verdict {
  let tls: TlsInfo;
  try {
    tls = describeTls(socket, serverName ?? "", own);
  } catch {
    return { tls: undefined, failure: UNREADABLE };
  }
  // Its keys prove that it is the peer that was verified when the session was made.
  if (tls.sessionReused) return { tls: { ...tls, peer: known }, failure: undefined };
  const { peer } = tls;
  if (peer === undefined)
    return { tls, failure: verifier.wantsCertificate ? UNREADABLE : undefined };
  try {
    const objection = verifier.objection(peer, chainErrorOf(socket));
    return { tls, failure: objection && refusedCertificate(objection) };
  } catch {
    return { tls: undefined, failure: UNREADABLE };
  }
}

interface Target {
  readonly path?: string;
  readonly host?: string;
  readonly port?: number;
  readonly lookup?: LookupFunction;
  readonly autoSelectFamily?: boolean;
  readonly autoSelectFamilyAttemptTimeout?: number;
}

function one(address: Address): Target {
  return address.kind === "pipe"
    ? { path: address.path }
    : { host: address.host, port: address.port };
}

/** Another way is tried after this time (RFC 8305 section 5; Envoy has 300 ms, too). */
const ATTEMPT_DELAY_MS = 300;

/**
 * The endpoint's addresses one after the other, families in turn, as Node's own implementation of
 * Happy Eyeballs does it: an attempt that is too slow is given up, the last one is not.
 */
function several(address: Address, { alternatives }: DialOptions): Target {
  if (address.kind === "pipe") return one(address);
  const hosts = [address, ...alternatives].flatMap((each) => {
    return each.kind === "socket" && each.port === address.port ? each.host : [];
  });
  const found = hosts.map((host) => ({ address: host, family: isIPv6(host) ? 6 : 4 }));
  return {
    // Looked up by the function below: it must be none of the addresses themselves.
    host: "endpoint.invalid",
    port: address.port,
    lookup: (_name, _options, callback) => callback(null, found),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_DELAY_MS,
  };
}

function targetOf(address: Address, options: DialOptions): TcpNetConnectOpts {
  const { allowHalfOpen, bindAddress, onBytes } = options;
  const reading: { onread?: OnReadOpts } =
    onBytes === undefined ? {} : { onread: readInto(onBytes) };
  const target = options.alternatives.length === 0 ? one(address) : several(address, options);
  return {
    ...(target as TcpNetConnectOpts),
    noDelay: true,
    allowHalfOpen,
    ...reading,
    ...(bindAddress === undefined ? {} : { localAddress: bindAddress.host }),
    ...(bindAddress === undefined || bindAddress.port === 0 ? {} : { localPort: bindAddress.port }),
  };
}

/**
 * What is left out is as Linux has it: Node would have its own. A 0 means none (Envoy:
 * core.v3.TcpKeepalive).
 */
function keepAlive(socket: Socket, { tcpKeepalive }: DialOptions): void {
  if (tcpKeepalive === undefined) return;
  const { timeS = 7200, intervalS = 75, probes = 9 } = tcpKeepalive;
  if (timeS === 0 || intervalS === 0 || probes === 0) return;
  const [timeMs, intervalMs] = [timeS, intervalS].map((s) => Math.min(s, KEEPALIVE_S_MAX) * 1000);
  socket.setKeepAlive(true, timeMs, intervalMs, Math.min(probes, KEEPALIVE_PROBES_MAX));
}
