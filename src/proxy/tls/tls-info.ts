import type { SecureContext, TLSSocket } from "node:tls";
import { describePeer, type PeerCertificate } from "../../identity/peer-certificate.ts";
import type { TlsContext } from "../../model/transport/tls.ts";
import type { ChainError } from "./peer/refusal.ts";

/** What the two sides of a TLS connection have agreed upon, and who the other one is. */
export interface TlsInfo {
  /** `TLSv1.3`. */
  readonly version: string;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** Of the key exchange; empty where the library does not say, as on a server. */
  readonly curve: string;
  /** The name in the ClientHello; empty without one. */
  readonly serverName: string;
  /** Empty where none was agreed upon. */
  readonly alpn: string;
  readonly sessionReused: boolean;
  /** Undefined where the peer has shown no certificate. */
  readonly peer: PeerCertificate | undefined;
  /** What was shown to the peer; undefined where nothing was. */
  readonly own: PeerCertificate | undefined;
}

/** Which certificates this side of a connection may show. */
export interface OwnCertificates {
  readonly secure: SecureContext;
  /** At most one, so that all connections show the same. */
  readonly single: boolean;
}

export function ownCertificates(
  { certificateSecrets = [], certificates }: TlsContext,
  secure: SecureContext,
): OwnCertificates {
  return { secure, single: certificates.length + certificateSecrets.length <= 1 };
}

/** The only certificate of a context, so that not every handshake reads it again. */
const singles = new WeakMap<SecureContext, PeerCertificate>();

/** Asked once the handshake is over. Throws a RangeError where a certificate is unreadable. */
export function describeTls(socket: TLSSocket, serverName: string, own: OwnCertificates): TlsInfo {
  const certificate = socket.getPeerX509Certificate();
  const { name: curve } = (socket.getEphemeralKeyInfo() ?? {}) as { readonly name?: string };
  return {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher().name,
    curve: curve ?? "",
    serverName,
    alpn: socket.alpnProtocol || "",
    sessionReused: socket.isSessionReused(),
    peer: certificate === undefined ? undefined : describePeer(certificate),
    own: ownOf(socket, own),
  };
}

function ownOf(
  socket: TLSSocket,
  { secure, single }: OwnCertificates,
): PeerCertificate | undefined {
  const known = singles.get(secure);
  if (known !== undefined) return known;
  const certificate = socket.getX509Certificate();
  if (certificate === undefined) return undefined;
  const own = describePeer(certificate);
  if (single) singles.set(secure, own);
  return own;
}

interface WithVerifyError {
  verifyError(): (Error & { readonly code?: string }) | null;
}

/** What the library says against the peer's chain; undefined where there is nothing. */
export function chainErrorOf(socket: TLSSocket): ChainError | undefined {
  const { ssl } = socket as unknown as { readonly ssl: WithVerifyError | null };
  const error = ssl?.verifyError();
  return error ? { code: error.code ?? "", message: error.message } : undefined;
}
