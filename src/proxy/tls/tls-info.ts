import type { TLSSocket } from "node:tls";
import { describePeer, type PeerCertificate } from "../../identity/peer-certificate.ts";

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
}

/** Asked once the handshake is over. Throws a RangeError where the certificate is unreadable. */
export function describeTls(socket: TLSSocket, serverName: string): TlsInfo {
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
  };
}

interface WithVerifyError {
  verifyError(): Error | null;
}

/** What the library says against the peer's chain; undefined where there is nothing. */
export function chainErrorOf(socket: TLSSocket): string | undefined {
  const { ssl } = socket as unknown as { readonly ssl: WithVerifyError | null };
  return ssl?.verifyError()?.message;
}
