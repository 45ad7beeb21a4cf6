// hot path: no allocation per request
import { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { writeHeader } from "../../codec/proxy-protocol/header-writer.ts";
import type { Address } from "../../model/address.ts";
import type { Host } from "../cluster/host.ts";
import { contained, type FaultOwner } from "../faults.ts";
import type { TlsInfo } from "../tls/tls-info.ts";
import { policyRefusal, SECRETS_NOT_READY } from "./connect-failure.ts";
import { dial, dialTls } from "./dial.ts";

/** What a connection to an endpoint is told of its bytes' way. */
export interface TransportOwner extends FaultOwner {
  /** Bytes may be written. */
  onOpen(): void;
  /** They lie in a buffer that the next read overwrites. */
  onBytes(bytes: Buffer): void;
  onDrain(): void;
  /** The endpoint sends no more. */
  onEnd(): void;
  onError(error: NodeJS.ErrnoException): void;
  /** Always the last. */
  onClose(): void;
}

/** What is offered to the endpoint in the handshake (ALPN, RFC 7301). */
export interface Offer {
  /** Where the cluster's configuration lists nothing. */
  readonly usualProtocols: readonly string[];
  /** Before all others. */
  readonly ownProtocol?: string;
  /** Each direction ends on its own; default false. */
  readonly allowHalfOpen?: boolean;
}

export const OFFER_HTTP1: Offer = { usualProtocols: ["http/1.1"] };
export const OFFER_HTTP2: Offer = { usualProtocols: ["h2"] };
export const OFFER_BOTH: Offer = { usualProtocols: ["h2", "http/1.1"] };

const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/;
/** What was written may take so long to go out when a connection closes. */
const LINGER_MS = 1000;

/** The way to an endpoint, plain or TLS. Who owns it may change once, when it has opened. */
export class Transport implements FaultOwner {
  readonly socket: Socket;
  /** Bytes may be written. */
  open = false;
  #owner: TransportOwner;
  readonly #deniedPort: number;

  /** What ALPN settled on; empty without TLS, and where it settled on nothing. */
  protocol = "";
  /** Undefined without TLS, and until its handshake is over. */
  tls: TlsInfo | undefined;

  /** Starts to connect; `address`: another than the host's own. */
  constructor(host: Host, owner: TransportOwner, offer: Offer, address: Address = host.address) {
    const { tls } = host.transport;
    const { bindAddress, tcpKeepalive } = host.cluster.config;
    const { allowHalfOpen = false } = offer;
    const onBytes = contained(this as Transport, this.#onBytes);
    const alternatives = address === host.address ? (host.endpoint.alternatives ?? []) : [];
    const head = headOf(host);
    const options = { bindAddress, tcpKeepalive, allowHalfOpen, alternatives, head, onBytes };
    this.#owner = owner;
    this.#deniedPort = host.cluster.deniedPort;
    if (tls === undefined) {
      this.socket = dial(address, options);
      this.socket.on("connect", contained(this as Transport, this.#onOpen));
    } else if (!tls.ready) {
      this.socket = unready();
      host.cluster.tlsStats.secretsNotReady();
    } else {
      this.socket = dialTls(address, {
        ...options,
        context: tls,
        ownProtocol: offer.ownProtocol ?? "",
        usualProtocols: offer.usualProtocols,
        stats: host.cluster.tlsStats,
        onSecure: contained(this as Transport, this.#onSecure),
      });
    }
    this.socket.on("drain", contained(this as Transport, this.#onDrain));
    this.socket.on("end", contained(this as Transport, this.#onEnd));
    this.socket.on("error", contained(this as Transport, this.#onError));
    this.socket.on("close", contained(this as Transport, this.#onClose));
    this.socket.resume();
    const { unreachable } = host.endpoint;
    if (unreachable !== undefined) this.socket.destroy(policyRefusal(unreachable));
    // What comes of it is the end of an attempt, as of any that could not connect.
    if (host.cluster.context.overload.isShort(this.socket)) this.socket.destroy(noDescriptor());
  }

  /** `address:port` of this side, empty before it is open. */
  get localAddress(): string {
    const { localAddress, localPort } = this.socket;
    return localAddress === undefined ? "" : `${localAddress}:${localPort}`;
  }

  /** Another takes over; it is not told again that the transport is open. */
  handTo(owner: TransportOwner): void {
    this.#owner = owner;
  }

  /** Closes behind what was written; at once where it is not open, lest it go on connecting. */
  close(clock: Clock): void {
    const { socket } = this;
    if (!this.open) socket.destroy();
    if (socket.destroyed) return;
    socket.destroySoon();
    // A peer that takes nothing would hold the socket, and all that waits in it.
    const timer = clock.after(LINGER_MS, socket.destroy.bind(socket, undefined));
    socket.once("close", timer.cancel.bind(timer));
  }

  onFault(error: unknown): void {
    this.#owner.onFault(error);
  }

  #onSecure(tls: TlsInfo): void {
    this.tls = tls;
    this.protocol = tls.alpn;
    this.#onOpen();
  }

  #onOpen(): void {
    if (this.#deniedPort !== 0 && isOwnServer(this.socket, this.#deniedPort)) {
      this.socket.destroy(ownServer());
      return;
    }
    this.open = true;
    this.#owner.onOpen();
  }

  #onBytes(bytes: Buffer): void {
    this.#owner.onBytes(bytes);
  }

  #onDrain(): void {
    this.#owner.onDrain();
  }

  /** Before it is open, an error follows that says more. */
  #onEnd(): void {
    if (this.open) this.#owner.onEnd();
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#owner.onError(error);
  }

  #onClose(): void {
    this.#owner.onClose();
  }
}

/** Counted as sent from the beginning, as Envoy counts it; a host of its own speaks for itself. */
function headOf(host: Host): Buffer | undefined {
  const { proxyProtocol } = host.transport;
  if (proxyProtocol === undefined) return undefined;
  const head = host.proxyHead ?? writeHeader(proxyProtocol, undefined);
  host.cluster.stats.sent(head.length);
  return head;
}

/** Nothing goes out in plain text, nor to anybody whom nobody can verify. */
function unready(): Socket {
  const socket = new Socket();
  process.nextTick(socket.destroy.bind(socket), new Error(SECRETS_NOT_READY));
  return socket;
}

/** Whatever the name was that led there: DNS may say anything. */
function isOwnServer(socket: Socket, port: number): boolean {
  const { localAddress, remoteAddress = "", remotePort } = socket;
  return remotePort === port && (remoteAddress === localAddress || LOOPBACK.test(remoteAddress));
}

function ownServer(): Error {
  return Object.assign(new Error("this is the proxy's own admin server"), { code: "EACCES" });
}

function noDescriptor(): Error {
  return Object.assign(new Error("no file descriptors are left"), { code: "EMFILE" });
}
