import type { X509Certificate } from "node:crypto";
import type { Secret, SecretRef } from "../../model/transport/secret.ts";
import { secretsOfContext } from "../../model/transport/secrets-in-use.ts";
import {
  type DataSource,
  NO_VALIDATION,
  type TlsCertificate,
  type TlsContext,
  type TlsValidation,
} from "../../model/transport/tls.ts";
import { certificatesOf } from "../tls/material.ts";
import { secretKey } from "./secret-key.ts";

/** Secrets by `secretKey`. */
export type KnownSecrets = ReadonlyMap<string, Secret>;

/**
 * A TLS context with what its secrets hold in their place; undefined while one of them is missing.
 * Throws an Error where one can never be used for what it is asked for.
 */
export function withSecrets<C extends TlsContext>(config: C, known: KnownSecrets): C | undefined {
  const { certificateSecrets = [], validationSecret } = config;
  if (certificateSecrets.length === 0 && validationSecret === undefined) return config;
  const missing = secretsOfContext(config).filter((ref) => !known.has(secretKey(ref)));
  const unknown = missing.find(({ source }) => source.kind === "static");
  if (unknown !== undefined) throw new Error(`Unknown static secret: ${unknown.name}`);
  if (missing.length > 0) return undefined;
  const shown = certificateSecrets.map((ref) => certificateOf(ref, known));
  return {
    ...config,
    certificates: [...config.certificates, ...shown],
    validation:
      validationSecret === undefined
        ? config.validation
        : believing(config.validation, validationOf(validationSecret, known)),
  };
}

/**
 * When the first certificate of each secret of a context ends, in seconds since 1970, by the
 * secret's name. Secrets have everything in place.
 */
export function expirationsOf(
  config: TlsContext,
  known: KnownSecrets,
): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const ref of secretsOfContext(config)) {
    const secret = known.get(secretKey(ref));
    const certificates = secret === undefined ? [] : certificatesOfSecret(secret);
    const times = certificates.map(({ validTo }) => Date.parse(validTo) / 1000);
    if (times.length > 0) ends.set(ref.name, Math.min(...times));
  }
  return ends;
}

function certificatesOfSecret(secret: Secret): readonly X509Certificate[] {
  if (secret.kind === "certificate")
    return inPlace(secret.certificate.certificateChain).slice(0, 1);
  const { trustDomains = [], trustedCa } = secret.validation;
  return [trustedCa, ...trustDomains.map(({ bundle }) => bundle)].flatMap(inPlace);
}

function inPlace(source: DataSource | undefined): X509Certificate[] {
  return source?.kind === "inline" ? certificatesOf(source.text) : [];
}

function certificateOf(ref: SecretRef, known: KnownSecrets): TlsCertificate {
  const secret = known.get(secretKey(ref));
  if (secret?.kind === "certificate") return secret.certificate;
  throw new Error(`secret ${ref.name} is no tls_certificate`);
}

function validationOf(ref: SecretRef, known: KnownSecrets): TlsValidation {
  const secret = known.get(secretKey(ref));
  if (secret?.kind === "validation") return secret.validation;
  throw new Error(`secret ${ref.name} is no validation_context`);
}

/**
 * As Envoy's CombinedCertificateValidationContext merges them: lists grow, and what can stand once
 * is the secret's where it has it. Throws an Error where names would be compared that nobody
 * vouches for.
 */
function believing(usual: TlsValidation = NO_VALIDATION, secret: TlsValidation): TlsValidation {
  const trustDomains = secret.trustDomains ?? usual.trustDomains;
  const trustedCa = secret.trustedCa ?? usual.trustedCa;
  const sans = [...usual.sans, ...secret.sans];
  if (sans.length > 0 && trustedCa === undefined && trustDomains === undefined) {
    throw new Error("validation context has subject alternative names and no trusted_ca");
  }
  return {
    trustedCa,
    sans,
    crl: secret.crl ?? usual.crl,
    certificateHashes: [...usual.certificateHashes, ...secret.certificateHashes],
    certificateSpki: [...usual.certificateSpki, ...secret.certificateSpki],
    acceptUntrusted: usual.acceptUntrusted || secret.acceptUntrusted,
    ...(trustDomains === undefined ? {} : { trustDomains }),
  };
}
