import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type CertificateValidationContext,
  CertificateValidationContextSchema,
  CertificateValidationContext_TrustChainVerification as Verification,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { TlsValidation } from "../../model/transport/tls.ts";
import type { Place } from "../check/place.ts";
import { decodeSource, encodeSource } from "./data-source.ts";
import { decodeSans, encodeSan } from "./san-match.ts";
import { decodeTrustDomains, encodeTrustDomains } from "./spiffe-validator.ts";

/** Of a SHA-256, in hexadecimal and in base64. */
const HASH_CHARS = 64;
const SPKI_CHARS = 44;

/**
 * transport_sockets.tls.v3.CertificateValidationContext, with what Envoy demands of one.
 *
 * @param alone False: a secret brings what this one lacks (`default_validation_context`).
 */
export function decodeValidation(
  message: CertificateValidationContext,
  place: Place,
  alone = true,
): TlsValidation {
  const { trustedCa, crl, customValidatorConfig: validator } = message;
  const sans = decodeSans(message, place);
  const trustDomains =
    validator && decodeTrustDomains(validator, place.field("custom_validator_config"));
  if (alone && trustedCa === undefined && validator === undefined) {
    refuseWithoutCa(message, sans.length > 0, place);
  }
  const hashes = place.field("verify_certificate_hash");
  const spki = place.field("verify_certificate_spki");
  return {
    trustedCa: trustedCa === undefined ? undefined : decodeSource(trustedCa),
    sans,
    crl: crl === undefined ? undefined : decodeSource(crl),
    certificateHashes: message.verifyCertificateHash.map((text, i) =>
      decodeHash(text, hashes.item(i)),
    ),
    certificateSpki: message.verifyCertificateSpki.map((text, i) => decodeSpki(text, spki.item(i))),
    acceptUntrusted: message.trustChainVerification === Verification.ACCEPT_UNTRUSTED,
    ...(trustDomains === undefined ? {} : { trustDomains }),
  };
}

/** Names that nobody vouches for could be anybody's; a CRL has an issuer. */
function refuseWithoutCa(
  message: CertificateValidationContext,
  hasSans: boolean,
  place: Place,
): void {
  const needed = "is missing, and without it";
  if (hasSans)
    place.field("trusted_ca").refuse(`${needed} a subject alternative name means nothing`);
  if (message.crl !== undefined)
    place.field("trusted_ca").refuse(`${needed} no crl can be checked`);
}

/** `df6f…` and `DF:6F:…` are the same hash. What is too short the check has refused. */
function decodeHash(text: string, place: Place): string {
  const hash = text.replaceAll(":", "").toLowerCase();
  if (text.length >= HASH_CHARS && !/^[0-9a-f]{64}$/.test(hash)) {
    place.refuse("is no SHA-256", text, "64 hexadecimal digits, colons between pairs or none");
  }
  return hash;
}

function decodeSpki(text: string, place: Place): string {
  if (text.length >= SPKI_CHARS && !/^[A-Za-z0-9+/]{43}=$/.test(text)) {
    place.refuse("is no SHA-256", text, "32 bytes in base64");
  }
  return text;
}

export function encodeValidation(validation: TlsValidation): CertificateValidationContext {
  const { trustedCa, crl, acceptUntrusted, trustDomains } = validation;
  const init: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchTypedSubjectAltNames: validation.sans.map(encodeSan),
    verifyCertificateHash: [...validation.certificateHashes],
    verifyCertificateSpki: [...validation.certificateSpki],
    trustChainVerification: acceptUntrusted
      ? Verification.ACCEPT_UNTRUSTED
      : Verification.VERIFY_TRUST_CHAIN,
  };
  if (trustedCa !== undefined) init.trustedCa = encodeSource(trustedCa);
  if (crl !== undefined) init.crl = encodeSource(crl);
  if (trustDomains !== undefined) init.customValidatorConfig = encodeTrustDomains(trustDomains);
  return create(CertificateValidationContextSchema, init);
}
