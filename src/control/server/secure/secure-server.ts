import { constants } from "node:crypto";
import http2, { type Http2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import { type ConnectRouter, createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { formatAddress, type SocketAddress, socketAddress } from "../../../model/address.ts";
import { CONNECTION, type Connection } from "../../ca/callers/verified-peer.ts";
import { openDoor, REQUEST_BYTES_MAX, SESSION_LIMITS } from "../grpc-door.ts";
import { type PeerRules, peerOf } from "./peers.ts";

/** What the server shows and whom it believes: PEM. */
export interface ServerIdentity {
  readonly chain: string;
  readonly key: string;
  /** Who may have signed a client's certificate. */
  readonly roots: string;
}

export interface SecureServerOptions {
  /** Port 0 takes a free one. */
  readonly address: SocketAddress;
  readonly identity: ServerIdentity;
  readonly rules: PeerRules;
  /** The services. Their handlers find the connection in the context under `CONNECTION`. */
  readonly register: (router: ConnectRouter) => void;
  /** A connection whose certificate was refused, and which is cut. */
  readonly onRefused: (reason: string, address: string) => void;
}

export interface SecureServer {
  readonly address: SocketAddress;
  /** For handshakes from now on. */
  setIdentity(identity: ServerIdentity): void;
  /** Cuts the connections of clients that the rules do not allow any more. */
  checkPeers(): void;
  stop(): Promise<void>;
}

/** What connections may cost us. */
const CONNECTIONS_MAX = 8192;
const HANDSHAKE_MS = 10_000;
const IDLE_MS = 60_000;

/** gRPC over TLS. Clients may show a certificate; one that is shown has to be good. */
export async function startSecureServer(options: SecureServerOptions): Promise<SecureServer> {
  const connections = new Map<Http2Session, Connection>();
  const handler = connectNodeAdapter({
    routes: options.register,
    readMaxBytes: REQUEST_BYTES_MAX,
    contextValues: (request) => {
      const session = "stream" in request ? request.stream.session : undefined;
      const known = session === undefined ? undefined : connections.get(session);
      return createContextValues().set(CONNECTION, known);
    },
  });
  const server = http2.createSecureServer(
    { ...SESSION_LIMITS, ...tlsOf(options.identity) },
    handler,
  );
  server.on("session", (session: Http2Session) => {
    session.on("close", () => connections.delete(session));
    admit(session, options, connections);
  });
  server.maxConnections = CONNECTIONS_MAX;
  // A handshake that fails is its client's affair.
  server.on("tlsClientError", () => {});
  const door = await openDoor(server, options.address);
  return {
    address: door.address,
    setIdentity: (identity) => server.setSecureContext(tlsOf(identity)),
    checkPeers: () => {
      for (const session of connections.keys()) {
        if (!session.destroyed) admit(session, options, connections);
      }
    },
    stop: () => door.close(),
  };
}

/** Notes who is on a connection, or cuts it. */
function admit(
  session: Http2Session,
  { rules, onRefused }: SecureServerOptions,
  connections: Map<Http2Session, Connection>,
): void {
  const socket = session.socket as TLSSocket;
  const address = formatAddress(socketAddress(socket.remoteAddress ?? "", socket.remotePort ?? 0));
  const verdict = peerOf(socket, rules);
  if (verdict.kind === "refused") {
    onRefused(verdict.reason, address);
    connections.delete(session);
    session.destroy(undefined, http2.constants.NGHTTP2_INADEQUATE_SECURITY);
    return;
  }
  // Strangers ask for a certificate and go.
  if (verdict.kind === "none") session.setTimeout(IDLE_MS, () => session.close());
  connections.set(session, { address, peer: verdict.kind === "peer" ? verdict.peer : undefined });
}

/** Sessions are not resumed, so that every handshake sees the certificate and the newest rules. */
function tlsOf({ chain, key, roots }: ServerIdentity): http2.SecureServerOptions {
  return {
    cert: chain,
    key,
    ca: roots,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    handshakeTimeout: HANDSHAKE_MS,
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
