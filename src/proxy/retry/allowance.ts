// hot path: no allocation per request
import { headerSet, ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import { routeTimeoutMs } from "../grpc/grpc-call.ts";
import type { CompiledForward } from "../route/compiled-route.ts";
import { wholeNumberIn } from "./whole-number.ts";

/** Headers by which a request says itself what time it has; see `retry-wishes.ts`. */
const ASKING = headerSet([
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-upstream-stream-duration-ms",
  "x-envoy-hedge-on-per-try-timeout",
  // It names a statistic that we do not keep; it goes no further all the same.
  "x-envoy-upstream-alt-stat-name",
]);

/**
 * What time a request has, and each of its tries: by its route, and by its own headers where it
 * may say so (Envoy: FilterUtility::finalTimeout, finalHedgingParams). Milliseconds; 0: no bound.
 */
export class Allowance {
  /** From the request's last byte to the last of the response. */
  routeMs = 0;
  /** From the request's last byte, or the connection where that comes later, to the head. */
  perTryMs = 0;
  /** Without anything from the upstream, to the very end. */
  perTryIdleMs = 0;
  /** Of one try's stream, from the connection to the very end. */
  perTryStreamMs = 0;
  /** A try that is late is not ended, but joined by another. */
  hedges = false;
  /** What ends by a timeout is answered with 204 and nothing else. */
  quiet = false;

  take(forward: CompiledForward, headers: HeaderTable, grpc: boolean): void {
    const { retry } = forward;
    this.routeMs = routeTimeoutMs(forward, headers, grpc);
    this.perTryMs = retry === undefined ? 0 : retry.perTryTimeoutMs;
    this.perTryIdleMs = retry === undefined ? 0 : retry.perTryIdleTimeoutMs;
    this.perTryStreamMs = 0;
    this.hedges = forward.hedges;
    this.quiet = false;
    if (headers.hasAny(ASKING)) this.#takeHeaders(headers);
    // One that is as long as all of them together is none.
    if (this.routeMs !== 0 && this.perTryMs >= this.routeMs) this.perTryMs = 0;
  }

  /** None of them goes to the upstream. */
  #takeHeaders(headers: HeaderTable): void {
    const hedge = headers.get(ID["x-envoy-hedge-on-per-try-timeout"]);
    if (hedge === "true") this.hedges = true;
    if (hedge === "false") this.hedges = false;
    this.routeMs = numberOr(headers, ID["x-envoy-upstream-rq-timeout-ms"], this.routeMs);
    const perTry = ID["x-envoy-upstream-rq-per-try-timeout-ms"];
    this.perTryMs = numberOr(headers, perTry, this.perTryMs);
    const duration = ID["x-envoy-upstream-stream-duration-ms"];
    this.perTryStreamMs = numberOr(headers, duration, 0);
    this.quiet = headers.has(ID["x-envoy-upstream-rq-timeout-alt-response"]);
    headers.remove(ID["x-envoy-hedge-on-per-try-timeout"]);
    headers.remove(ID["x-envoy-upstream-rq-timeout-ms"]);
    headers.remove(perTry);
    headers.remove(duration);
    headers.remove(ID["x-envoy-upstream-rq-timeout-alt-response"]);
    headers.remove(ID["x-envoy-upstream-alt-stat-name"]);
  }

  /** How long the upstream is waited for, as it is told; `spentMs`: on earlier tries. */
  expectedMs(spentMs: number): number {
    const expectedMs = this.hedges || this.perTryMs === 0 ? this.routeMs : this.perTryMs;
    if (expectedMs === 0 || this.routeMs === 0) return expectedMs;
    return Math.max(1, Math.min(expectedMs, Math.trunc(this.routeMs - spentMs)));
  }
}

/** The number in a header; what cannot be read says nothing. */
function numberOr(headers: HeaderTable, id: number, usual: number): number {
  const text = headers.get(id);
  const number = text === undefined ? -1 : wholeNumberIn(text);
  return number < 0 ? usual : number;
}
