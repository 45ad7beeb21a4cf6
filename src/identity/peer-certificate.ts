import { createHash, type X509Certificate } from "node:crypto";
import { spiffeIdOf } from "./spiffe-id.ts";
import { readSubjectAltNames, type SubjectAltNames } from "./subject-alt-names.ts";

/** Who is at the other end of a TLS connection. */
export interface PeerCertificate {
  readonly names: SubjectAltNames;
  /** The SPIFFE ID, where the certificate is an SVID. */
  readonly identity: string | undefined;
  /** As Envoy's `%DOWNSTREAM_PEER_SUBJECT%`: most specific part first (RFC 2253). */
  readonly subject: string;
  /** Lower case hexadecimal SHA-256 of the DER. */
  readonly sha256: string;
  /** Base64 SHA-256 of the public key's DER. */
  readonly spki: string;
}

/** Throws a RangeError where the certificate's names cannot be read. */
export function describePeer(certificate: X509Certificate): PeerCertificate {
  const names = readSubjectAltNames(certificate.raw);
  return {
    names,
    identity: spiffeIdOf(names.uri),
    subject: certificate.subject.split("\n").reverse().join(","),
    sha256: createHash("sha256").update(certificate.raw).digest("hex"),
    spki: createHash("sha256")
      .update(certificate.publicKey.export({ type: "spki", format: "der" }))
      .digest("base64"),
  };
}
