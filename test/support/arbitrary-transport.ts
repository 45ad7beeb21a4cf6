import fc from "fast-check";
import type { StringMatch } from "../../src/model/route.ts";
import type { Http1Options, Http2Options } from "../../src/model/transport/http2.ts";
import type { Secret, SecretRef } from "../../src/model/transport/secret.ts";
import type {
  DataSource,
  DownstreamTls,
  TlsCertificate,
  TlsContext,
  TlsValidation,
  TrustDomain,
  UpstreamTls,
} from "../../src/model/transport/tls.ts";
import { ms, optional, positiveMs, upTo3 } from "./arbitrary-words.ts";

/** Any legal TLS contexts and protocol settings, for round trips. */

export const http1: fc.Arbitrary<Http1Options> = fc.record({ enableTrailers: fc.boolean() });

const keepalive = fc.oneof(
  fc.constant({ keepaliveIntervalMs: 0, keepaliveTimeoutMs: 0 }),
  fc.record({ keepaliveIntervalMs: ms, keepaliveTimeoutMs: positiveMs }),
);
const window = fc.integer({ min: 65_535, max: 2_147_483_647 });

export const http2: fc.Arbitrary<Http2Options> = fc
  .record({
    maxConcurrentStreams: fc.integer({ min: 1, max: 2_147_483_647 }),
    initialStreamWindowSize: window,
    initialConnectionWindowSize: window,
    hpackTableSize: fc.integer({ min: 0, max: 4_294_967_295 }),
    allowConnect: fc.boolean(),
    keepalive,
  })
  .map(({ keepalive: times, ...rest }) => ({ ...rest, ...times }));

export interface TlsFiles {
  readonly certificates: readonly TlsCertificate[];
  readonly bundles: readonly DataSource[];
  /** Who reads what is made must find them; left out: none is asked for. */
  readonly secrets?: readonly SecretRef[];
}

/** They need not exist to be encoded. */
const NO_FILES: TlsFiles = {
  certificates: [
    {
      certificateChain: { kind: "file", path: "./tls/s.pem" },
      privateKey: { kind: "inline", text: "a key" },
    },
    {
      certificateChain: { kind: "inline", text: "a chain" },
      privateKey: { kind: "file", path: "/run/s.key" },
    },
  ],
  bundles: [
    { kind: "file", path: "ca.pem" },
    { kind: "inline", text: "a bundle" },
  ],
  secrets: [
    { name: "default", source: { kind: "static" } },
    { name: "ROOTCA", source: { kind: "ads" } },
    { name: "kubernetes://credential", source: { kind: "file", path: "/etc/secrets/sds.yaml" } },
    { name: "default", source: { kind: "cluster", cluster: "sds-grpc" } },
    { name: "a", source: { kind: "ads" }, initialFetchTimeoutMs: 0 },
    { name: "b", source: { kind: "cluster", cluster: "c" }, initialFetchTimeoutMs: 15_000 },
    { name: "c", source: { kind: "file", path: "sds.yaml" }, initialFetchTimeoutMs: 250 },
  ],
};

const match: fc.Arbitrary<StringMatch> = fc.constantFrom(
  { kind: "exact", value: "spiffe://cluster.local/ns/a/sa/b", ignoreCase: false },
  { kind: "suffix", value: ".example.com", ignoreCase: true },
  { kind: "regex", value: "[a-z]+\\.test", ignoreCase: false },
);

const sans = fc.array(
  fc.record({ san: fc.constantFrom("dns" as const, "uri" as const, "email" as const), match }),
  upTo3,
);

function validation(files: TlsFiles): fc.Arbitrary<TlsValidation> {
  const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const spki = bytes.map((array) => Buffer.from(array).toString("base64"));
  const more = {
    certificateHashes: fc.array(hash, upTo3),
    certificateSpki: fc.array(spki, upTo3),
    acceptUntrusted: fc.boolean(),
  };
  const nothing = fc.constant(undefined);
  return fc.oneof(
    fc.record({ trustedCa: fc.constantFrom(...files.bundles), sans, crl: nothing, ...more }),
    fc.record({ trustedCa: nothing, sans: fc.constant([]), crl: nothing, ...more }),
    fc.record({ trustedCa: nothing, sans, crl: nothing, trustDomains: domains(files), ...more }),
  );
}

function domains(files: TlsFiles): fc.Arbitrary<TrustDomain[]> {
  const domain = fc.record({
    name: fc.constantFrom("cluster.local", "td.example", "other"),
    bundle: fc.constantFrom(...files.bundles),
  });
  return fc.uniqueArray(domain, { minLength: 1, maxLength: 3, selector: ({ name }) => name });
}

type Material = Pick<
  TlsContext,
  "certificates" | "certificateSecrets" | "validation" | "validationSecret"
>;

/** Given in place, or asked for by SDS, never both; but for whom to believe, where both may be. */
function material(files: TlsFiles): fc.Arbitrary<Material> {
  const given = fc.record({
    certificates: fc.constantFrom(...files.certificates).map((one) => [one]),
    validation: optional(validation(files)),
  });
  if (files.secrets === undefined) return given;
  const secretRef = fc.constantFrom(...files.secrets);
  const asked = fc.record({
    certificates: fc.constant([]),
    certificateSecrets: secretRef.map((one) => [one]),
    validation: optional(validation(files)),
    validationSecret: secretRef,
  });
  return fc.oneof(given, asked);
}

export function secret(files: TlsFiles = NO_FILES): fc.Arbitrary<Secret> {
  const name = fc.constantFrom("default", "ROOTCA", "file-root:/etc/ca.pem");
  return fc.oneof(
    fc.record({
      kind: fc.constant("certificate" as const),
      name,
      certificate: fc.constantFrom(...files.certificates),
    }),
    fc.record({ kind: fc.constant("validation" as const), name, validation: validation(files) }),
  );
}

type Parameters = Omit<TlsContext, keyof Material>;

function parameters(): { readonly [K in keyof Parameters]: fc.Arbitrary<Parameters[K]> } {
  return {
    alpnProtocols: fc.uniqueArray(fc.constantFrom("h2", "http/1.1", "istio"), upTo3),
    minVersion: fc.constant("TLSv1.2" as const),
    maxVersion: fc.constantFrom("TLSv1.2" as const, "TLSv1.3" as const),
    cipherSuites: fc.uniqueArray(
      fc.constantFrom("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
      upTo3,
    ),
    ecdhCurves: fc.uniqueArray(fc.constantFrom("X25519", "P-256"), upTo3),
  };
}

export function downstreamTls(files: TlsFiles = NO_FILES): fc.Arbitrary<DownstreamTls> {
  const more = { requireClientCertificate: fc.boolean(), sessionTickets: fc.boolean() };
  return fc
    .tuple(material(files), fc.record({ ...parameters(), ...more }))
    .map(([shown, rest]) => ({ ...shown, ...rest }));
}

export function upstreamTls(files: TlsFiles = NO_FILES): fc.Arbitrary<UpstreamTls> {
  const more = { sni: fc.constantFrom("", "reviews.example"), maxSessionKeys: fc.nat(9) };
  return fc
    .tuple(material(files), fc.record({ ...parameters(), ...more }))
    .map(([shown, rest]) => ({ ...shown, ...rest }));
}

export const serverNames: fc.Arbitrary<string[]> = fc.uniqueArray(
  fc.constantFrom("a.example", "*.example", "b.test"),
  upTo3,
);
