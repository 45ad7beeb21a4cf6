import type { Origin } from "../origin.ts";
import type { PolicyScope } from "./access-policy.ts";

/**
 * Istio: security.istio.io/v1 RequestAuthentication: whose tokens pods believe. A request without a
 * token passes, and has no identity; one with a bad token does not.
 */
export interface RequestAuthentication {
  readonly scope: PolicyScope;
  readonly rules: readonly TokenRule[];
  readonly origin: Origin;
}

/** Istio: JWTRule. */
export interface TokenRule {
  /** Exactly `iss`; empty: any. */
  readonly issuer: string;
  /** Empty: any. */
  readonly audiences: readonly string[];
  readonly keys: TokenKeys;
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly forwardOriginalToken: boolean;
  /** Empty: none. */
  readonly outputPayloadToHeader: string;
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  /** Beside `scope` and `permission`, which always are. */
  readonly spaceDelimitedClaims: readonly string[];
  /** For fetching keys. */
  readonly timeoutMs: number;
  readonly origin: Origin;
}

/**
 * Where a rule's keys are: in it; at a URL; or at the URL that OpenID Connect Discovery of the
 * issuer gives.
 */
export type TokenKeys =
  | { readonly kind: "inline"; readonly text: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "discovery"; readonly issuer: string };
