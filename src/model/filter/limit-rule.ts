import type { HeaderMatch, QueryParameterMatch } from "../route.ts";

/**
 * Envoy: route.v3.RateLimit.Action: makes one entry of a descriptor out of a request. Where it
 * cannot, there is no descriptor.
 */
export type LimitAction =
  | { readonly kind: "genericKey"; readonly key: string; readonly value: string }
  | {
      readonly kind: "requestHeader";
      readonly key: string;
      readonly header: string;
      /** Without the header there is no entry, but still a descriptor. */
      readonly skipIfAbsent: boolean;
    }
  /** `remote_address`, the client's, by `x-forwarded-for` where that is believed. */
  | { readonly kind: "remoteAddress" }
  | {
      readonly kind: "headerMatch";
      readonly key: string;
      readonly value: string;
      readonly expectMatch: boolean;
      readonly headers: readonly HeaderMatch[];
    }
  | {
      readonly kind: "queryMatch";
      readonly key: string;
      readonly value: string;
      readonly expectMatch: boolean;
      readonly parameters: readonly QueryParameterMatch[];
    };

/** Envoy: route.v3.RateLimit: how a request is described to rate limits. */
export interface LimitRule {
  readonly actions: readonly LimitAction[];
}
