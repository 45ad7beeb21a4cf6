import type { StringMatch } from "../route.ts";
import type { Fraction } from "./fraction.ts";

/**
 * Envoy: filters.http.cors.v3.CorsPolicy: which other sites' pages may use what a route serves.
 * What is empty or undefined is left to the policy of the next level outwards.
 */
export interface CorsPolicy {
  readonly allowOrigins: readonly StringMatch[];
  /** Header values, sent as they stand; empty: not sent. */
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  /** Seconds as text. */
  readonly maxAge: string;
  readonly allowCredentials: boolean | undefined;
  readonly allowPrivateNetworkAccess: boolean | undefined;
  /** A preflight from elsewhere goes on to the upstream; Envoy's default true. */
  readonly forwardNotMatchingPreflights: boolean | undefined;
  /** Undefined: every request. */
  readonly enabled: Fraction | undefined;
  /** Origins are judged and counted, but nothing is enforced. */
  readonly shadowEnabled: Fraction | undefined;
}
