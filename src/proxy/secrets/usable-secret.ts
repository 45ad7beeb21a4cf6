import { Refusals } from "../../base/refusals.ts";
import type { Secret } from "../../model/transport/secret.ts";
import type { DataSource, TlsValidation } from "../../model/transport/tls.ts";
import { checkValidation, type ReadSource, readPair } from "../tls/material.ts";
import { Verifier } from "../tls/peer/verifier.ts";

/**
 * A secret with what its files hold in their place. Throws an Error that says everything that
 * makes it useless, a line each: it is taken whole, or not at all.
 */
export function usableSecret(secret: Secret, read: ReadSource): Secret {
  const refusals = new Refusals();
  const usable =
    secret.kind === "certificate"
      ? usablePair(secret, read, refusals)
      : { ...secret, validation: usableValidation(secret.validation, read, refusals) };
  refusals.throwAny();
  return usable;
}

function usablePair(
  secret: Extract<Secret, { readonly kind: "certificate" }>,
  read: ReadSource,
  refusals: Refusals,
): Secret {
  const pair = readPair(secret.certificate, "tls_certificate", read, refusals);
  if (pair === undefined) return secret;
  const certificateChain = inPlace(pair.chain);
  return { ...secret, certificate: { certificateChain, privateKey: inPlace(pair.key) } };
}

function usableValidation(
  validation: TlsValidation,
  read: ReadSource,
  refusals: Refusals,
): TlsValidation {
  checkValidation("validation_context", validation, read, refusals);
  refusals.attempt("validation_context", () => new Verifier(validation));
  if (refusals.text !== "") return validation;
  const { crl, trustDomains, trustedCa, ...rest } = validation;
  const here = (source: DataSource): DataSource => inPlace(read(source).toString());
  return {
    ...rest,
    trustedCa: trustedCa && here(trustedCa),
    crl: crl && here(crl),
    ...(trustDomains === undefined
      ? {}
      : { trustDomains: trustDomains.map(({ bundle, name }) => ({ name, bundle: here(bundle) })) }),
  };
}

function inPlace(text: string): DataSource {
  return { kind: "inline", text };
}

/** The files that a secret names. */
export function filesOfSecret(secret: Secret): readonly string[] {
  const sources =
    secret.kind === "certificate"
      ? [secret.certificate.certificateChain, secret.certificate.privateKey]
      : [
          secret.validation.trustedCa,
          secret.validation.crl,
          ...(secret.validation.trustDomains ?? []).map(({ bundle }) => bundle),
        ];
  return sources.flatMap((source) => (source?.kind === "file" ? [source.path] : []));
}
