import type { RouteMatch, StringMatch } from "../route.ts";

/** Envoy: filters.http.jwt_authn.v3.JwtAuthentication: whose tokens which requests must carry. */
export interface JwtAuthn {
  /** Each name once. */
  readonly providers: readonly JwtProvider[];
  /** The first that matches counts; where none does, nothing is required. */
  readonly rules: readonly JwtRule[];
  /** Requirements that rules and routes name (Envoy: `requirement_map`); each name once. */
  readonly requirements: readonly NamedRequirement[];
  /** CORS preflights carry no credentials: they pass. */
  readonly bypassCorsPreflight: boolean;
  /** Refusals say nothing of their reason to the client. */
  readonly stripFailureResponse: boolean;
}

/** Envoy: RequirementRule. */
export interface JwtRule {
  readonly match: RouteMatch;
  /** A requirement, the name of one, or undefined for none. */
  readonly requires: JwtRequirement | string | undefined;
}

export interface NamedRequirement {
  readonly name: string;
  readonly requirement: JwtRequirement;
}

/** Envoy: JwtRequirement. */
export type JwtRequirement =
  /** Envoy: an empty message. */
  | { readonly kind: "none" }
  /** `audiences` take the place of the provider's; empty: its own. */
  | {
      readonly kind: "provider";
      readonly provider: string;
      readonly audiences: readonly string[];
    }
  | { readonly kind: "any" | "all"; readonly of: readonly JwtRequirement[] }
  /** A token of whichever provider may be missing, but must be good where there is one. */
  | { readonly kind: "allowMissing" }
  | { readonly kind: "allowMissingOrFailed" };

/** Envoy: JwtProvider: who signs tokens, where requests carry them and what becomes of them. */
export interface JwtProvider {
  readonly name: string;
  /** `iss` exactly; empty: any. */
  readonly issuer: string;
  /** One of them has to be in `aud`; empty: any. */
  readonly audiences: readonly string[];
  readonly subjects: StringMatch | undefined;
  readonly requireExpiration: boolean;
  /** Longest time until `exp`, which then has to be there. */
  readonly maxLifetimeMs: number | undefined;
  readonly jwks: JwksSource;
  /** The token stays in the request that goes upstream. */
  readonly forward: boolean;
  /** Without any place: `authorization: Bearer …`, then the query's `access_token`. */
  readonly fromHeaders: readonly JwtHeaderPlace[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  /** Lower case; gets the payload as it stood in the token; empty: none. */
  readonly forwardPayloadHeader: string;
  readonly padForwardPayloadHeader: boolean;
  /** Key in the dynamic metadata `envoy.filters.http.jwt_authn`; empty: it is not put there. */
  readonly payloadInMetadata: string;
  /** Of those the payload in metadata has lists of words. */
  readonly spaceDelimitedClaims: readonly string[];
  readonly headerInMetadata: string;
  readonly failedStatusInMetadata: string;
  /** 0: Envoy's default, 60. */
  readonly clockSkewSeconds: number;
  /** Envoy: `jwt_cache_config`: how many tokens are remembered, 0 for 100; undefined: see below. */
  readonly jwtCacheSize: number | undefined;
  readonly claimToHeaders: readonly JwtClaimToHeader[];
  /** The route is chosen again where claims came into headers or metadata. */
  readonly clearRouteCache: boolean;
}

export interface JwtHeaderPlace {
  /** Lower case. */
  readonly name: string;
  /** Stands before the token, as `Bearer `. */
  readonly prefix: string;
}

export interface JwtClaimToHeader {
  /** Lower case. */
  readonly header: string;
  /** Dots lead into nested claims. */
  readonly claim: string;
}

/** Where a provider's public keys come from: a JSON Web Key Set (RFC 7517). */
export type JwksSource =
  | { readonly kind: "inline"; readonly text: string }
  | { readonly kind: "file"; readonly path: string }
  | RemoteJwks;

/** Envoy: RemoteJwks. */
export interface RemoteJwks {
  readonly kind: "remote";
  /** `https://example.com/jwks.json`: its authority and path; `cluster` says where it goes. */
  readonly uri: string;
  readonly cluster: string;
  /** Of one try. */
  readonly timeoutMs: number;
  /** Envoy's default 10 min. */
  readonly cacheDurationMs: number;
  /** Fetched before anybody asks, and again before they grow old; undefined: on demand. */
  readonly asyncFetch: JwksAsyncFetch | undefined;
  /** Undefined: one try. */
  readonly retry: JwksRetry | undefined;
}

export interface JwksAsyncFetch {
  /** False: requests wait for the first fetch. */
  readonly fastListener: boolean;
  /** Envoy's default 1 s. */
  readonly failedRefetchMs: number;
}

/** Envoy: core.v3.RetryPolicy, of 5xx, gateway errors, connection failures and resets. */
export interface JwksRetry {
  /** Retries, not tries. */
  readonly numRetries: number;
  /** Envoy's default 1 s. */
  readonly backOffBaseMs: number;
  /** Envoy's default 10 times the base. */
  readonly backOffMaxMs: number;
}

/** Envoy: PerRouteConfig; a name that the filter does not know refuses every request (403). */
export type JwtRouteConfig = "disabled" | { readonly requirement: string };
