import type { HeaderMatch } from "../route.ts";
import type { Fraction } from "./fraction.ts";

/**
 * Faults on purpose (Envoy: filters.http.fault.v3.HTTPFault). `headers`: from `x-envoy-fault-…` of
 * the request, bounded by the share.
 */
export interface HttpFault {
  readonly delay: FaultDelay | undefined;
  readonly abort: FaultAbort | undefined;
  /** Requests to other clusters pass; empty: any. */
  readonly upstreamCluster: string;
  /** All must match; empty: every request. */
  readonly headers: readonly HeaderMatch[];
  /** `x-envoy-downstream-service-node` must be one of them; empty: anybody. */
  readonly downstreamNodes: readonly string[];
  /** At one time; undefined: any number. */
  readonly maxActiveFaults: number | undefined;
  /** Bytes of the answer, KiB a second. */
  readonly responseRateLimit: FaultRateLimit | undefined;
}

export interface FaultDelay {
  readonly share: Fraction;
  readonly by: { readonly kind: "fixed"; readonly ms: number } | { readonly kind: "headers" };
}

export interface FaultAbort {
  readonly share: Fraction;
  readonly by:
    | { readonly kind: "http"; readonly status: number }
    | { readonly kind: "grpc"; readonly status: number }
    | { readonly kind: "headers" };
}

export interface FaultRateLimit {
  readonly share: Fraction;
  readonly by: { readonly kind: "fixed"; readonly kbps: number } | { readonly kind: "headers" };
}
