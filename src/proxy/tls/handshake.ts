import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock, Timer } from "../../base/clock.ts";
import type { ClientHello } from "../../codec/tls/client-hello.ts";
import { protocolList } from "../../codec/tls/protocol-list.ts";
import type { PeerCertificate } from "../../identity/peer-certificate.ts";
import { contained, type FaultOwner } from "../faults.ts";
import type { SslStats } from "../telemetry/envoy/tls/ssl-stats.ts";
import { readInto } from "../upstream/shared-read.ts";
import {
  brokenHandshake,
  type HandshakeFailure,
  NO_CERTIFICATE,
  refusedCertificate,
  UNREADABLE,
} from "./failure-text.ts";
import type { ChainError } from "./peer/refusal.ts";
import type { ServerContext } from "./server-context.ts";
import { secureAccepted } from "./server-socket.ts";
import {
  chainErrorOf,
  describeTls,
  type OwnCertificates,
  ownCertificates,
  type TlsInfo,
} from "./tls-info.ts";

/** Envoy's transport_socket_connect_timeout is off by default; nobody may keep us waiting so. */
const HANDSHAKE_MS = 10_000;

/** In OpenSSL's words. */
const EXPIRED: ChainError = { code: "CERT_HAS_EXPIRED", message: "certificate has expired" };

const NO_TAKER = (_bytes: Buffer): void => undefined;

/** A terminated connection, ready for a filter. */
export interface SecureConnection {
  readonly socket: TLSSocket;
  readonly tls: TlsInfo;
  /** Where reads go, if the socket reads into the shared buffer; else `data` events. */
  readonly reader: Reader | undefined;
  /** Of the context, when the handshake began. */
  readonly generation: number;
}

/** Who takes what is read; the buffer belongs to the next read. */
export interface Reader {
  onBytes: (bytes: Buffer) => void;
}

export interface HandshakeOwner extends FaultOwner {
  /** Called in the turn in which application data may follow: begin to read at once. */
  onSecure(connection: SecureConnection, handshake: ServerHandshake): void;
  /** The connection has closed before. */
  onHandshakeFailed(handshake: ServerHandshake): void;
}

export interface HandshakeOptions {
  readonly context: ServerContext;
  readonly hello: ClientHello;
  /** What was read of the socket. */
  readonly first: Buffer;
  readonly stats: SslStats;
  readonly clock: Clock;
  /** Read into the shared buffer. */
  readonly shared: boolean;
  /** A protocol of our own, accepted before those of the configuration; empty for none. */
  readonly ownProtocol: string;
}

/**
 * An accepted connection while it becomes TLS.
 *
 * ```
 *   shaking -> secure          the owner's
 *      |
 *      +-----> failed          closed, counted
 * ```
 */
export class ServerHandshake {
  readonly #owner: HandshakeOwner;
  readonly #context: ServerContext;
  readonly #stats: SslStats;
  readonly #serverName: string;
  readonly #own: OwnCertificates;
  readonly #socket: TLSSocket;
  readonly #reader: Reader | undefined;
  readonly #generation: number;
  readonly #clock: Clock;
  readonly #timer: Timer;
  #failure: HandshakeFailure | undefined;
  #shown: TlsInfo | undefined;
  #state: "shaking" | "secure" | "failed" = "shaking";

  constructor(raw: Socket, owner: HandshakeOwner, options: HandshakeOptions) {
    const { clock, context, first, hello, ownProtocol, shared, stats } = options;
    this.#owner = owner;
    this.#context = context;
    this.#stats = stats;
    this.#clock = clock;
    this.#serverName = hello.serverName;
    this.#generation = context.generation;
    this.#own = ownCertificates(context.config, context.secure);
    const reader = shared ? { onBytes: NO_TAKER } : undefined;
    this.#reader = reader;
    const protocol = context.protocolFor(hello.alpnProtocols, ownProtocol);
    const socket = secureAccepted(raw, first, {
      secureContext: this.#own.secure,
      requestCert: context.asksForCertificate,
      rejectUnauthorized: context.needsCertificate,
      alpn: protocol === undefined ? undefined : protocolList([protocol]),
      onread: reader === undefined ? undefined : readInto((bytes) => reader.onBytes(bytes)),
    });
    this.#socket = socket;
    const onSecure = contained(owner, () => this.#onSecure());
    const onError = contained(owner, (error: Error) => this.#fail(brokenHandshake(error)));
    const onClose = contained(owner, () => this.#onClose());
    socket.on("secure", onSecure);
    // What breaks the library's end of a connection is told by this event alone.
    socket.on("_tlsError", (error: Error) => {
      this.#shown = this.#describe();
      socket.destroy(error);
    });
    socket.on("error", onError);
    socket.on("end", () => this.#onEnd());
    socket.on("close", onClose);
    this.#timer = clock.after(HANDSHAKE_MS, () => socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onSecure(): void {
    if (this.#state !== "shaking") return;
    const tls = this.#describe();
    if (tls === undefined) {
      this.#refuse(UNREADABLE);
      return;
    }
    this.#shown = tls;
    const failure = this.#judged(tls);
    const accepting = this.#context.verifier.accepting && tls.peer !== undefined;
    if (failure !== undefined && !accepting) {
      this.#refuse(failure);
      return;
    }
    if (failure !== undefined) this.#stats.failed(failure);
    this.#state = "secure";
    this.#timer.cancel();
    this.#stats.handshake(tls);
    const how = { tls, reader: this.#reader, generation: this.#generation };
    this.#owner.onSecure({ socket: this.#socket, ...how }, this);
  }

  /** Undefined where the client's certificate cannot be read: anybody can make such a one. */
  #describe(): TlsInfo | undefined {
    try {
      return describeTls(this.#socket, this.#serverName, this.#own);
    } catch {
      return undefined;
    }
  }

  #refuse(failure: HandshakeFailure): void {
    this.#fail(failure);
    this.#socket.destroy();
  }

  #judged(tls: TlsInfo): HandshakeFailure | undefined {
    try {
      return this.#judge(tls);
    } catch {
      return UNREADABLE;
    }
  }

  #judge({ peer }: TlsInfo): HandshakeFailure | undefined {
    const context = this.#context;
    if (peer === undefined) return context.needsCertificate ? NO_CERTIFICATE : undefined;
    const chainError = chainErrorOf(this.#socket) ?? this.#ended(peer);
    const objection = context.verifier.objection(peer, chainError);
    return objection === undefined ? undefined : refusedCertificate(objection);
  }

  /** The library looks at no times where a session is resumed, which may be done without end. */
  #ended({ notAfterMs }: PeerCertificate): ChainError | undefined {
    return this.#socket.isSessionReused() && notAfterMs <= this.#clock.wall() ? EXPIRED : undefined;
  }

  /** Counts a failure once; what follows a refused certificate is its consequence. */
  #fail(failure: HandshakeFailure): void {
    if (this.#state !== "shaking") return;
    this.#state = "failed";
    this.#failure = failure;
    this.#stats.failed(failure);
  }

  /** What was agreed upon, and what the client showed, whether or not it was believed. */
  get shown(): TlsInfo | undefined {
    return this.#shown;
  }

  /** Why it has failed, in Envoy's words; empty where it has not, or nobody knows. */
  get failureReason(): string {
    return this.#failure?.reason ?? "";
  }

  /** Either half may end on its own, but not before there is anything to end. */
  #onEnd(): void {
    if (this.#state === "shaking") this.#socket.destroy();
  }

  #onClose(): void {
    this.#timer.cancel();
    if (this.#state !== "secure") this.#owner.onHandshakeFailed(this);
  }
}
