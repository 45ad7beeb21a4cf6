import { constants, createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import type {
  DataSource,
  DownstreamTls,
  TlsCertificate,
  UpstreamTls,
} from "../../model/transport/tls.ts";

/** The bytes of a source. Throws an Error that names the file. */
export type ReadSource = (source: DataSource) => Buffer;

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

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What a SecureContext is made of, read and checked. */
export interface ContextPlan {
  /** The same for the same material: contexts of one key can be one. */
  readonly key: string;
  readonly options: SecureContextOptions;
}

/**
 * Throws an Error that names what cannot be used: a file, or a key that is not its pair's.
 *
 * @param ticketKeys Of a server's session tickets.
 */
export function planContext(
  config: DownstreamTls | UpstreamTls,
  read: ReadSource,
  ticketKeys: Buffer,
): ContextPlan {
  const pairs = distinctPairs(config.certificates.map((pair) => readPair(pair, read)));
  const { validation } = config;
  const ca =
    validation?.trustedCa === undefined ? undefined : readBundle(validation.trustedCa, read);
  const crl = validation?.crl === undefined ? undefined : read(validation.crl).toString();
  const server = "sessionTickets" in config;
  const tickets = server && config.sessionTickets;
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
    ...(crl === undefined ? {} : { crl }),
    ...(tickets ? { ticketKeys } : {}),
  };
  const key = digest([server ? "server" : "client", JSON.stringify(options)]);
  // A session of one context must not be resumed in another that asks for other certificates.
  return { key, options: { ...options, sessionIdContext: key.slice(0, 32) } };
}

/** Throws where the library accepts no such cipher, curve or list. */
export function buildContext({ options }: ContextPlan): SecureContext {
  return createSecureContext(options);
}

interface Pair {
  readonly chain: string;
  readonly key: string;
  readonly kind: string;
}

function readPair({ certificateChain, privateKey }: TlsCertificate, read: ReadSource): Pair {
  const chain = read(certificateChain);
  const key = read(privateKey);
  const secret = attempt(privateKey, "is not a private key", () => createPrivateKey(key));
  const certificate = attempt(
    certificateChain,
    "is not a certificate",
    () => new X509Certificate(chain),
  );
  if (!certificate.checkPrivateKey(secret)) {
    throw new Error(`${nameOf(privateKey)} is not the key of ${nameOf(certificateChain)}`);
  }
  return { chain: chain.toString(), key: key.toString(), kind: secret.asymmetricKeyType ?? "" };
}

/** The library holds one certificate of each kind of key: the first counts. */
function distinctPairs(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.filter((pair, index) => pairs.findIndex(({ kind }) => kind === pair.kind) === index);
}

/** The authorities, each of which must be readable: the library would pass over one that is not. */
function readBundle(source: DataSource, read: ReadSource): string {
  const text = read(source).toString();
  const blocks = text.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new Error(`${nameOf(source)} holds no certificate`);
  for (const block of blocks) {
    attempt(source, "holds what is not a certificate", () => new X509Certificate(block));
  }
  return text;
}

function attempt<T>(source: DataSource, what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${nameOf(source)} ${what}: ${why}`);
  }
}

function nameOf(source: DataSource): string {
  return source.kind === "file" ? source.path : "the inline text";
}

function orElse(given: readonly string[], usual: readonly string[]): readonly string[] {
  return given.length > 0 ? given : usual;
}

function digest(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}
