// hot path: no allocation per request
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { ResponseMessage } from "../../codec/http/message.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { grpcStatusIn } from "../grpc/grpc-call.ts";
import { isConnectFailure } from "../reply/reset.ts";
import type { RequestHead } from "../route/request-head.ts";
import type { HeaderMatcher } from "../route/route-matcher.ts";
import type { ClusterStat } from "../telemetry/envoy/cluster-columns.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import { type CompiledRetry, NO_RETRIES } from "./compiled-retry.ts";
import { waitAskedFor } from "./reset-header.ts";
import * as on from "./retry-on.ts";
import { clearRetryHeaders, RetryWishes, wishesRetries } from "./retry-wishes.ts";

/**
 * Whether and when a failed attempt is followed by another (Envoy: RetryStateImpl).
 *
 * `limited` and `overflow` say why a retry that the policy wants does not happen.
 */
export type RetryVerdict = "retry" | "no" | "limited" | "overflow";

/** Envoy's 425 is tried again at once: the request was early, not wrong. */
const TOO_EARLY = 425;

export class RetryState {
  readonly #clock: Clock;
  readonly #random: Random;
  /** Undefined: nothing is tried again, or no more. */
  #policy: CompiledRetry | undefined;
  #cluster: UpstreamCluster | undefined;
  #request: RequestHead | undefined;
  /** Made for the first request that asks for retries itself. */
  #wishes: RetryWishes | undefined;
  /** Bits of `retry-on.ts`. */
  #on = 0;
  #left = 0;
  #intervalMs = 0;
  /** A retry has been granted, and nothing has been heard of what came of it. */
  #held = false;
  /** Some attempt has sent something. */
  #started = false;
  /** Milliseconds that the last answer asked for; 0: it did not. */
  #askedMs = 0;
  #atOnce = false;
  /** What the next attempt counts as; undefined: it comes at once. */
  #backOff: ClusterStat | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A new request, of which nothing is known yet. */
  reset(): void {
    this.finish();
  }

  /** The request goes to this cluster; what it says of retries itself goes no further. */
  begin(policy: CompiledRetry | undefined, cluster: UpstreamCluster, request: RequestHead): void {
    const asks = wishesRetries(request.headers);
    if (policy === undefined && !asks) return;
    this.#start(policy ?? NO_RETRIES, cluster, request);
    if (asks) this.#takeWishes(request.headers);
    const { requestHeaders } = policy ?? NO_RETRIES;
    if (requestHeaders.length > 0 && !anyMatches(requestHeaders, request)) this.#on = 0;
    if (asks) clearRetryHeaders(request.headers);
  }

  #start(policy: CompiledRetry, cluster: UpstreamCluster, request: RequestHead): void {
    this.#policy = policy;
    this.#cluster = cluster;
    this.#request = request;
    this.#on = policy.on;
    this.#left = policy.retriesMax;
    this.#intervalMs = policy.backOffBaseMs;
    this.#started = false;
    this.#askedMs = 0;
    this.#atOnce = false;
    this.#wishes?.clear();
  }

  /** The request goes on its way, which nothing has refused: it counts in the retry rate. */
  go(): void {
    const cluster = this.#cluster;
    if (this.#policy === undefined || cluster?.config.thresholds.retryRate === undefined) return;
    cluster.limits.countRequest(this.#clock.now());
  }

  /** A route without policy has a state only for a request that names conditions. */
  #takeWishes(headers: HeaderTable): void {
    const named = headers.has(ID["x-envoy-retry-on"]) || headers.has(ID["x-envoy-retry-grpc-on"]);
    if (this.#policy?.on === 0 && !named) {
      this.#policy = undefined;
      return;
    }
    this.#wishes ??= new RetryWishes();
    this.#wishes.take(headers);
    this.#on |= this.#wishes.on;
    if (this.#wishes.retriesMax >= 0) this.#left = this.#wishes.retriesMax;
  }

  /** Another attempt may need the request's body. */
  get enabled(): boolean {
    return this.#policy !== undefined && this.#on !== 0;
  }

  /** The policy to choose hosts by; undefined: there is none. */
  get policy(): CompiledRetry | undefined {
    return this.#policy;
  }

  /** The request's body cannot be sent again. */
  giveUp(): void {
    if (this.enabled) this.#cluster?.stats.count("retry_or_shadow_abandoned");
    this.finish();
  }

  /** Something of the answer has gone to the client, or all is over: nothing is tried again. */
  finish(): void {
    this.#release();
    this.#policy = undefined;
  }

  /** `requestStarted`: the attempt had a connection and has used it. */
  onReset(reason: ResetReason, requestStarted: boolean): RetryVerdict {
    if (this.#policy === undefined) return "no";
    if (requestStarted) this.#started = true;
    return this.#judge(this.#wantsReset(reason));
  }

  #wantsReset(reason: ResetReason): boolean {
    if (reason === "overflow") return false;
    if (this.#has(on.ON_CONNECT_FAILURE) && isConnectFailure(reason)) return true;
    if (this.#has(on.ON_RESET_BEFORE_REQUEST) && !this.#started) return true;
    if (this.#has(on.ON_RESET | on.ON_5XX | on.ON_GATEWAY_ERROR)) return true;
    return this.#has(on.ON_REFUSED_STREAM) && reason === "remote refused stream reset";
  }

  onResponse(head: ResponseMessage): RetryVerdict {
    const policy = this.#policy;
    if (policy === undefined) return "no";
    const wanted = this.wantsResponse(head);
    this.#atOnce = wanted && this.#wasEarly(head);
    if (wanted && policy.rateLimited !== undefined && !this.#atOnce) {
      this.#askedMs = waitAskedFor(policy.rateLimited, head.headers, this.#clock);
    }
    return this.#judge(wanted);
  }

  /** A try takes too long, and another is to join it: that has no condition but the number. */
  onHedge(): RetryVerdict {
    return this.enabled ? this.#judge(true) : "no";
  }

  /** Whether such a response is one to try again after, be there retries left or not. */
  wantsResponse({ status, headers }: ResponseMessage): boolean {
    if (this.#policy === undefined || this.#on === 0) return false;
    if (headers.findName("x-envoy-ratelimited") >= 0) return this.#has(on.ON_RATE_LIMITED);
    if (this.#has(on.ON_5XX) && status >= 500 && status < 600) return true;
    if (this.#has(on.ON_GATEWAY_ERROR) && status >= 502 && status <= 504) return true;
    if (this.#has(on.ON_4XX) && status === 409) return true;
    if (this.#isRetriable(status)) return true;
    if (this.#has(on.ON_HEADERS) && this.#namesHeader(status, headers)) return true;
    return on.asksForGrpc(this.#on) && on.namesGrpc(this.#on, grpcStatusIn(headers));
  }

  /**
   * Milliseconds until the next attempt: from what the answer asked for to half as much again, or
   * anything below the interval, which doubles (Envoy: JitteredLowerBound- and
   * JitteredExponentialBackOffStrategy).
   */
  nextDelayMs(): number {
    const askedMs = this.#askedMs;
    const atOnce = this.#atOnce;
    this.#askedMs = 0;
    this.#atOnce = false;
    this.#backOff = undefined;
    if (atOnce) return 0;
    if (askedMs > 0) {
      this.#backOff = "upstream_rq_retry_backoff_ratelimited";
      return askedMs + this.#random.below(Math.floor(askedMs / 2));
    }
    this.#backOff = "upstream_rq_retry_backoff_exponential";
    const intervalMs = this.#intervalMs;
    this.#intervalMs = Math.min(intervalMs * 2, this.#policy?.backOffMaxMs ?? intervalMs);
    return this.#random.below(Math.max(1, intervalMs));
  }

  /** The time is over and the next attempt begins: only now it counts, as in Envoy 1.40. */
  countRetry(): void {
    const stats = this.#cluster?.stats;
    stats?.count("upstream_rq_retry");
    if (this.#backOff !== undefined) stats?.count(this.#backOff);
  }

  #has(bits: number): boolean {
    return (this.#on & bits) !== 0;
  }

  /** What came early from the client itself is the client's to send again. */
  #isRetriable(status: number): boolean {
    if (!this.#has(on.ON_STATUS_CODES) || !this.#namesStatus(status)) return false;
    return status !== TOO_EARLY || this.#request?.header("early-data") === undefined;
  }

  #wasEarly({ headers, status }: ResponseMessage): boolean {
    if (status !== TOO_EARLY || headers.findName("x-envoy-ratelimited") >= 0) return false;
    return this.#isRetriable(status);
  }

  #namesStatus(status: number): boolean {
    if (this.#policy?.statusCodes.includes(status) === true) return true;
    return this.#wishes?.statusCodes.includes(status) === true;
  }

  #namesHeader(status: number, headers: HeaderTable): boolean {
    const matchers = this.#policy?.headers ?? [];
    if (matchers.length > 0 && anyMatches(matchers, new ResponseFields(status, headers))) {
      return true;
    }
    const names = this.#wishes?.headerNames ?? [];
    for (let i = 0; i < names.length; i++) {
      if (headers.findName(names[i] as string) >= 0) return true;
    }
    return false;
  }

  /** Of a retry that was granted before, this tells what came of it. */
  #judge(wanted: boolean): RetryVerdict {
    const cluster = this.#cluster as UpstreamCluster;
    if (this.#held && !wanted) cluster.stats.count("upstream_rq_retry_success");
    this.#release();
    if (!wanted) return "no";
    if (this.#left === 0) {
      cluster.stats.count("upstream_rq_retry_limit_exceeded");
      return "limited";
    }
    this.#left--;
    if (!cluster.limits.takeRetry(cluster.context.clock.now())) {
      cluster.stats.count("upstream_rq_retry_overflow");
      return "overflow";
    }
    this.#held = true;
    return "retry";
  }

  #release(): void {
    if (this.#held) this.#cluster?.limits.releaseRetry();
    this.#held = false;
  }
}

function anyMatches(
  matchers: readonly HeaderMatcher[],
  source: { header(name: string): string | undefined },
): boolean {
  for (let i = 0; i < matchers.length; i++) if (matchers[i]?.matches(source)) return true;
  return false;
}

class ResponseFields {
  readonly #status: number;
  readonly #headers: HeaderTable;

  constructor(status: number, headers: HeaderTable) {
    this.#status = status;
    this.#headers = headers;
  }

  header(name: string): string | undefined {
    return name === ":status" ? String(this.#status) : this.#headers.joined(name);
  }
}
