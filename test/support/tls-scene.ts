/** A TLS server made of our own handshake, and configurations for both of its sides. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { readClientHello } from "../../src/codec/tls/client-hello.ts";
import { Registry } from "../../src/metrics/registry.ts";
import {
  type DownstreamTls,
  NO_VALIDATION,
  type TlsCertificate,
  type TlsValidation,
  type UpstreamTls,
} from "../../src/model/transport/tls.ts";
import { SslStats, sslTables } from "../../src/proxy/telemetry/envoy/tls/ssl-stats.ts";
import {
  type HandshakeOwner,
  type SecureConnection,
  ServerHandshake,
} from "../../src/proxy/tls/handshake.ts";
import type { ContextMaterial } from "../../src/proxy/tls/renewal/renewed-context.ts";
import { Trust } from "../../src/proxy/tls/renewal/trust.ts";
import type { ServerContext } from "../../src/proxy/tls/server-context.ts";
import { newTicketSecret } from "../../src/proxy/tls/session/ticket-keys.ts";
import { TlsContexts, TlsReloads } from "../../src/proxy/tls/tls-contexts.ts";
import type { TestAuthority, TestCertificate } from "./certificates.ts";

export function pairOf({ chain, key }: TestCertificate): TlsCertificate {
  return {
    certificateChain: { kind: "inline", text: chain },
    privateKey: { kind: "inline", text: key },
  };
}

export function trusting({ pem }: TestAuthority, more: Partial<TlsValidation> = {}): TlsValidation {
  return { ...NO_VALIDATION, trustedCa: { kind: "inline", text: pem }, ...more };
}

const COMMON = {
  certificates: [],
  validation: undefined,
  alpnProtocols: [],
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  cipherSuites: [],
  ecdhCurves: [],
} as const;

export function downstreamTls(more: Partial<DownstreamTls>): DownstreamTls {
  return { ...COMMON, requireClientCertificate: false, sessionTickets: true, ...more };
}

export function upstreamTls(more: Partial<UpstreamTls> = {}): UpstreamTls {
  return { ...COMMON, sni: "", maxSessionKeys: 1, ...more };
}

/** What a context works with that is configured so. */
export function materialOf(tls: UpstreamTls): ContextMaterial {
  const { secure } = tlsContexts().client(tls);
  const { validation } = tls;
  const trust = new Trust(validation, (source) =>
    Buffer.from(source.kind === "inline" ? source.text : ""),
  );
  const certificates = { ca: [], chain: [] };
  return { secure, validation, trust, certificates, expirations: new Map() };
}

/** @param ticketSecret As of another thread of the same proxy. */
export function tlsContexts(ticketSecret: Uint8Array = newTicketSecret()): TlsContexts {
  const reloads = new TlsReloads(new Registry());
  const clock = systemClock;
  return new TlsContexts({ clock, reloads, ticketSecret, onNotice: () => undefined });
}

/** Accepts, peeks, shakes hands, and sends back what it reads. */
export class TlsEcho implements HandshakeOwner {
  readonly stats: SslStats = new SslStats(
    "here",
    sslTables(new Registry(), "listener", (n) => n),
  );
  readonly secured: SecureConnection[] = [];
  readonly faults: unknown[] = [];
  failed = 0;
  context: ServerContext;
  ownProtocol = "";
  /** Read into the shared buffer. */
  shared = true;
  clock: Clock = systemClock;
  readonly #server: Server;

  private constructor(context: ServerContext) {
    this.context = context;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
      this.#peek(socket),
    );
  }

  static async listen(context: ServerContext): Promise<TlsEcho> {
    const echo = new TlsEcho(context);
    echo.#server.listen(0, "127.0.0.1");
    await once(echo.#server, "listening");
    return echo;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  onSecure(connection: SecureConnection): void {
    this.secured.push(connection);
    const { reader, socket } = connection;
    const echo = (bytes: Buffer): void => void socket.write(Buffer.from(bytes));
    if (reader === undefined) socket.on("data", echo);
    else reader.onBytes = echo;
    socket.on("end", () => socket.end());
  }

  onHandshakeFailed(): void {
    this.failed++;
  }

  onFault(error: unknown): void {
    this.faults.push(error);
  }

  close(): void {
    this.#server.close();
    for (const { socket } of this.secured) socket.destroy();
  }

  #peek(socket: Socket): void {
    let first: Buffer = Buffer.alloc(0);
    const take = (bytes: Buffer): void => {
      first = Buffer.concat([first, bytes]);
      const reading = readClientHello(first);
      if (reading === "more") return;
      socket.off("data", take);
      const hello = typeof reading === "object" ? reading : { serverName: "", alpnProtocols: [] };
      new ServerHandshake(socket, this, {
        context: this.context,
        hello,
        first,
        stats: this.stats,
        clock: this.clock,
        shared: this.shared,
        ownProtocol: this.ownProtocol,
      });
    };
    socket.on("error", () => undefined);
    socket.on("data", take);
    socket.resume();
  }
}
