import type { SvidFault } from "../../../identity/svid.ts";

/** What Envoy counts a refused certificate as. */
export type VerifyStat =
  | "fail_verify_no_cert"
  | "fail_verify_error"
  | "fail_verify_san"
  | "fail_verify_cert_hash";

/** Why a certificate is refused, as metrics name it: one of few words, none of the peer's. */
export type Refusal =
  | SvidFault
  | "no_certificate"
  | "unreadable"
  | "expired"
  | "not_yet_valid"
  | "self_signed"
  | "unknown_authority"
  | "bad_signature"
  | "no_authority"
  | "path_too_long"
  | "wrong_purpose"
  | "too_weak"
  | "revoked"
  | "revocation_unknown"
  | "chain"
  | "trust_domain"
  | "name"
  | "hash";

/** What was wrong with a certificate. */
export interface Objection {
  readonly stat: VerifyStat;
  readonly refusal: Refusal;
  /** Envoy's words where it has some. */
  readonly details: string;
}

/** What the TLS library says against a chain. */
export interface ChainError {
  /** Node's name of OpenSSL's code, as `CERT_HAS_EXPIRED`. */
  readonly code: string;
  readonly message: string;
}

/** X509_V_ERR_* without its prefix → why. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "not_yet_valid",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self_signed",
  SELF_SIGNED_CERT_IN_CHAIN: "self_signed",
  UNABLE_TO_GET_ISSUER_CERT: "unknown_authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown_authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown_authority",
  CERT_SIGNATURE_FAILURE: "bad_signature",
  INVALID_CA: "no_authority",
  PATH_LENGTH_EXCEEDED: "path_too_long",
  CERT_CHAIN_TOO_LONG: "path_too_long",
  INVALID_PURPOSE: "wrong_purpose",
  CERT_REVOKED: "revoked",
  UNABLE_TO_GET_CRL: "revocation_unknown",
  CRL_HAS_EXPIRED: "revocation_unknown",
  CRL_NOT_YET_VALID: "revocation_unknown",
  CRL_SIGNATURE_FAILURE: "revocation_unknown",
};

/** Codes that Node has no name for are known by their words. */
const WORDS: readonly (readonly [RegExp, Refusal])[] = [
  [/too (?:weak|small)/i, "too_weak"],
  [/purpose/i, "wrong_purpose"],
  [/invalid (?:non-)?ca|not (?:a )?ca/i, "no_authority"],
  [/path length/i, "path_too_long"],
  [/crl/i, "revocation_unknown"],
];

export function chainObjection({ code, message }: ChainError): Objection {
  const known = REFUSALS[code] ?? WORDS.find(([words]) => words.test(message))?.[1] ?? "chain";
  // What follows is Node's advice to people at a terminal.
  const [words = ""] = message.split(";", 1);
  const details = `X509_verify_cert: certificate verification error: ${words}`;
  return { stat: "fail_verify_error", refusal: known, details };
}
