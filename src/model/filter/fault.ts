import type { HeaderMatch } from "../route.ts";
import type { Fraction } from "./fraction.ts";

/**
 * Faults on purpose (Envoy: filters.http.fault.v3.HTTPFault). By `headers`: as the request itself
 * asks in `x-envoy-fault-…`, within the share.
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
  /** At one time over the whole proxy; undefined: any number. */
  readonly maxActiveFaults: number | undefined;
}

export interface FaultDelay {
  readonly share: Fraction;
  readonly by: { readonly kind: "fixed"; readonly ms: number } | { readonly kind: "headers" };
}

/** `http` is 200..599; `grpc` goes with HTTP's 200. */
export interface FaultAbort {
  readonly share: Fraction;
  readonly by:
    | { readonly kind: "http"; readonly status: number }
    | { readonly kind: "grpc"; readonly status: number }
    | { readonly kind: "headers" };
}
