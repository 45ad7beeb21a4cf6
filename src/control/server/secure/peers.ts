import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { factsOf } from "../../../identity/issuing/certificate-facts.ts";
import { describePeer } from "../../../identity/peer-certificate.ts";
import { workloadOf } from "../../../identity/workload-identity.ts";
import type { VerifiedPeer } from "../../ca/callers/verified-peer.ts";

/** Of which certificates a name is believed. */
export interface PeerRules {
  /** Of this mesh, under any of its names. */
  isOwnTrustDomain(name: string): boolean;
  isRevoked(serial: string): boolean;
}

export type PeerVerdict =
  | { readonly kind: "none" }
  | { readonly kind: "peer"; readonly peer: VerifiedPeer }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Who is at the other end. OpenSSL has verified the chain; the rest is SPIFFE's: one URI, of our
 * trust domain, on a certificate that is no authority's and is not revoked.
 */
export function peerOf(socket: TLSSocket, rules: PeerRules): PeerVerdict {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { kind: "none" };
  if (!socket.authorized) {
    return refuse(`the certificate is not accepted: ${String(socket.authorizationError)}`);
  }
  try {
    return read(certificate, rules);
  } catch {
    return refuse("the certificate cannot be read");
  }
}

function read(certificate: X509Certificate, rules: PeerRules): PeerVerdict {
  const { serial, notBefore, notAfter, authority } = factsOf(certificate);
  const id = describePeer(certificate).identity;
  if (authority) return refuse("the certificate is an authority's");
  if (id === undefined) return refuse("the certificate has no SPIFFE ID as its only URI");
  const workload = workloadOf(id);
  if (workload === undefined) return refuse("the SPIFFE ID names no namespace and service account");
  if (!rules.isOwnTrustDomain(workload.trustDomain)) {
    return refuse("the SPIFFE ID is of another trust domain");
  }
  if (rules.isRevoked(serial)) return refuse("the certificate is revoked");
  const { identity } = workload;
  return { kind: "peer", peer: { identity, id, serial, notBefore, notAfter } };
}

function refuse(reason: string): PeerVerdict {
  return { kind: "refused", reason };
}
