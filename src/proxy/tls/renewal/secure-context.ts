import { constants, createHash } from "node:crypto";
import {
  createSecureContext,
  getCiphers,
  type SecureContext,
  type SecureContextOptions,
} from "node:tls";
import { Refusals } from "../../../base/refusals.ts";
import type { DownstreamTls, TlsContext, UpstreamTls } from "../../../model/transport/tls.ts";
import { type Pair, type ReadSource, readBundle, readLists, readPair } from "../material.ts";

/**
 * Envoy's default suites of TLS 1.2, in its order (TlsParameters.cipher_suites); those of TLS 1.3
 * are not configured.
 */
const CIPHERS_1_2 = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
];
const CIPHERS_1_3 = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
];
/** Envoy's default (TlsParameters.ecdh_curves). */
const CURVES = ["X25519", "P-256"];

/** What a SecureContext is made of, read and checked. */
export interface ContextPlan {
  /** The same for the same material: contexts of one key can be one. */
  readonly key: string;
  readonly options: SecureContextOptions;
}

/**
 * Throws an Error that names everything that cannot be used, a line each: a file, a key that is not
 * its pair's, a cipher or curve that the library does not have.
 *
 * @param ticketKeys Of a server's session tickets.
 */
export function planContext(
  config: DownstreamTls | UpstreamTls,
  read: ReadSource,
  ticketKeys: Buffer,
): ContextPlan {
  const refusals = new Refusals();
  const { pairs, ca, crl } = readMaterial(config, read, refusals);
  refuseParameters(config, refusals);
  refusals.throwAny();
  const server = "sessionTickets" in config;
  // A ticket keeps no chain, which a trust domain would have to be found by once more.
  const tickets = server && config.sessionTickets && config.validation?.trustDomains === undefined;
  const options: SecureContextOptions = {
    cert: pairs.map(({ chain }) => chain),
    key: pairs.map(({ key }) => key),
    // Without one the library would load every public authority, and nobody asks for them.
    ca: ca ?? [],
    // An intermediate may be trusted on its own, as in Envoy.
    allowPartialTrustChain: true,
    minVersion: config.minVersion,
    maxVersion: config.maxVersion,
    ciphers: [...orElse(config.cipherSuites, CIPHERS_1_2), ...CIPHERS_1_3].join(":"),
    ecdhCurve: orElse(config.ecdhCurves, CURVES).join(":"),
    honorCipherOrder: server,
    secureOptions:
      constants.SSL_OP_NO_RENEGOTIATION | (server && !tickets ? constants.SSL_OP_NO_TICKET : 0),
    ...(crl === undefined ? {} : { crl: [...crl] }),
    ...(tickets ? { ticketKeys } : {}),
  };
  const key = digest([server ? "server" : "client", JSON.stringify(options)]);
  // A session of one context must not be resumed in another that asks for other certificates.
  return { key, options: { ...options, sessionIdContext: key.slice(0, 32) } };
}

export function buildContext({ options }: ContextPlan): SecureContext {
  return createSecureContext(options);
}

interface Material {
  readonly pairs: readonly Pair[];
  readonly ca: string | undefined;
  readonly crl: readonly string[] | undefined;
}

function readMaterial(config: TlsContext, read: ReadSource, refusals: Refusals): Material {
  const pairs = config.certificates.flatMap(
    (pair, i) => readPair(pair, `tls_certificates[${i}]`, read, refusals) ?? [],
  );
  const { trustedCa, crl, trustDomains } = config.validation ?? {};
  const bundles = (trustDomains ?? []).map(({ bundle, name }) =>
    refusals.attempt(`validation_context trust domain ${name}`, () => readBundle(bundle, read)),
  );
  return {
    pairs: distinctPairs(pairs),
    // Whose authority signed for which domain the verifier says: the library knows one list.
    ca:
      trustDomains === undefined
        ? refusals.attempt(
            "validation_context.trusted_ca",
            () => trustedCa && readBundle(trustedCa, read),
          )
        : bundles.join("\n"),
    crl: refusals.attempt("validation_context.crl", () => crl && readLists(crl, read)),
  };
}

/** The library holds one certificate of each kind of key: the first counts. */
function distinctPairs(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.filter((pair, index) => pairs.findIndex(({ kind }) => kind === pair.kind) === index);
}

/** The library passes over ciphers that it does not know, as long as it knows one. */
function refuseParameters({ cipherSuites, ecdhCurves }: TlsContext, refusals: Refusals): void {
  const ciphers = cipherSuites.length > 0 ? new Set(getCiphers()) : undefined;
  cipherSuites.forEach((name, i) => {
    if (name.startsWith("TLS_")) {
      refusals.add(`tls_params.cipher_suites[${i}]: ${name} is of TLS 1.3, which has no choice`);
    } else if (ciphers?.has(name.toLowerCase()) === false) {
      refusals.add(`tls_params.cipher_suites[${i}]: ${name} is no cipher that this Node has`);
    }
  });
  ecdhCurves.forEach((name, i) => {
    if (accepts({ ecdhCurve: name })) return;
    refusals.add(`tls_params.ecdh_curves[${i}]: ${name} is no curve that this Node has`);
  });
}

function accepts(options: SecureContextOptions): boolean {
  try {
    createSecureContext({ ca: [], ...options });
    return true;
  } catch {
    return false;
  }
}

function orElse(given: readonly string[], usual: readonly string[]): readonly string[] {
  return given.length > 0 ? given : usual;
}

function digest(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}
