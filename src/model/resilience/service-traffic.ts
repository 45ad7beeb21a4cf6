import type { FailurePenalty } from "../balance/balancing.ts";
import type { RetrySettings } from "../http-route-set.ts";
import type { FailureAccrual } from "../upstream/failure-accrual.ts";

/** What a Service asks of those who call it, where nobody says more (Linkerd's annotations). */
export interface ServiceTraffic {
  /** Undefined: its endpoints are not judged so. */
  readonly failureAccrual: FailureAccrual | undefined;
  /** Of balancing by peak EWMA; undefined: failures add no load. */
  readonly failurePenalty: FailurePenalty | undefined;
  /** Undefined: the mesh's default. */
  readonly retries: RetrySettings | undefined;
  /** Undefined: none. */
  readonly timeouts: TimeoutSettings | undefined;
}

/** Undefined ones are not set; 0 is no timeout. */
export interface TimeoutSettings {
  /** From the end of the request to the end of the answer, retries among it. */
  readonly responseMs: number | undefined;
  /** From the first byte of the request to the last of the answer. */
  readonly streamMs: number | undefined;
  /** Nothing moves in either direction. */
  readonly idleMs: number | undefined;
}
