import fc from "fast-check";
import type { StringMatch } from "../../src/model/route.ts";
import type { Http1Options, Http2Options } from "../../src/model/transport/http2.ts";
import type {
  DataSource,
  DownstreamTls,
  TlsCertificate,
  TlsContext,
  TlsValidation,
  UpstreamTls,
} from "../../src/model/transport/tls.ts";
import { ms, optional, positiveMs, upTo3 } from "./arbitrary-routes.ts";

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
  );
}

function context(files: TlsFiles): {
  readonly [K in keyof TlsContext]: fc.Arbitrary<TlsContext[K]>;
} {
  return {
    certificates: fc.constantFrom(...files.certificates).map((one) => [one]),
    validation: optional(validation(files)),
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
  return fc.record({
    ...context(files),
    requireClientCertificate: fc.boolean(),
    sessionTickets: fc.boolean(),
  });
}

export function upstreamTls(files: TlsFiles = NO_FILES): fc.Arbitrary<UpstreamTls> {
  return fc.record({
    ...context(files),
    sni: fc.constantFrom("", "reviews.example"),
    maxSessionKeys: fc.nat(9),
  });
}

export const serverNames: fc.Arbitrary<string[]> = fc.uniqueArray(
  fc.constantFrom("a.example", "*.example", "b.test"),
  upTo3,
);
