import fc from "fast-check";
import type {
  JwksSource,
  JwtAuthn,
  JwtProvider,
  JwtRequirement,
} from "../../src/model/filter/jwt-authn.ts";
import { few, name, optional, positiveMs, stringMatch, text, upTo3 } from "./arbitrary-words.ts";

/** Any legal demand of tokens, for round trips; the providers are `a` and `b`. */

const header = fc.stringMatching(/^x-[a-z]{1,6}$/);
const names = fc.array(name, upTo3);

/** A public key: Envoy looks at it. */
const KEYS = JSON.stringify({
  keys: [
    {
      kty: "EC",
      crv: "P-256",
      x: "pA_MEwOd5V9je75yOYlcY0OlvNafFDmYMD2z4qJQjZ4",
      y: "PcFfY7EKKRINeVcF3PTqiB7qGKsT2eZvla0JTIo81RY",
      kid: "a",
      alg: "ES256",
    },
  ],
});

const jwks: fc.Arbitrary<JwksSource> = fc.oneof(
  fc.record({ kind: fc.constant("inline" as const), text: fc.constant(KEYS) }),
  fc.record({
    kind: fc.constant("remote" as const),
    uri: fc.constantFrom("https://example.com/jwks", "http://a:81/b?c=d"),
    cluster: name,
    timeoutMs: positiveMs,
    cacheDurationMs: positiveMs,
    asyncFetch: optional(fc.record({ fastListener: fc.boolean(), failedRefetchMs: positiveMs })),
    retry: optional(
      fc.record({
        numRetries: fc.nat(9),
        backOffBaseMs: fc.integer({ min: 1, max: 100 }),
        backOffMaxMs: fc.integer({ min: 100, max: 1000 }),
      }),
    ),
  }),
);

const provider = (called: string): fc.Arbitrary<JwtProvider> =>
  fc.record({
    name: fc.constant(called),
    issuer: text,
    audiences: names,
    subjects: optional(stringMatch),
    requireExpiration: fc.boolean(),
    maxLifetimeMs: optional(positiveMs),
    jwks,
    forward: fc.boolean(),
    fromHeaders: fc.array(fc.record({ name: header, prefix: text }), upTo3),
    fromParams: names,
    fromCookies: names,
    forwardPayloadHeader: fc.oneof(fc.constant(""), header),
    padForwardPayloadHeader: fc.boolean(),
    payloadInMetadata: text,
    spaceDelimitedClaims: names,
    headerInMetadata: text,
    failedStatusInMetadata: text,
    clockSkewSeconds: fc.nat(999),
    jwtCacheSize: optional(fc.nat(999)),
    claimToHeaders: fc.array(fc.record({ header, claim: name }), upTo3),
    clearRouteCache: fc.boolean(),
  });

const requirement: fc.Arbitrary<JwtRequirement> = fc.letrec<{ any: JwtRequirement }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({
      kind: fc.constant("provider" as const),
      provider: fc.constantFrom("a", "b"),
      audiences: names,
    }),
    fc.constantFrom(
      { kind: "none" as const },
      { kind: "allowMissing" as const },
      { kind: "allowMissingOrFailed" as const },
    ),
    fc.record({
      kind: fc.constantFrom("any" as const, "all" as const),
      of: fc.array(tie("any"), { minLength: 2, maxLength: 3 }),
    }),
  ),
})).any;

const match = fc.constant({
  path: { kind: "prefix" as const, value: "/a", caseSensitive: true },
  headers: [],
  queryParameters: [],
});

export const jwtAuthn: fc.Arbitrary<JwtAuthn> = fc.record({
  providers: fc.tuple(provider("a"), provider("b")),
  rules: fc.array(
    fc.record({ match, requires: optional(fc.oneof(requirement, fc.constant("one"))) }),
    few,
  ),
  requirements: fc.tuple(fc.record({ name: fc.constant("one"), requirement })),
  bypassCorsPreflight: fc.boolean(),
  stripFailureResponse: fc.boolean(),
});
