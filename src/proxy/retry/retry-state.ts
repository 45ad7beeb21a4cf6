// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { grpcStatusIn } from "../grpc/grpc-call.ts";
import { isConnectFailure } from "../reply/reset.ts";
import type { CompiledRetry } from "../route/compiled-route.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";

/**
 * Whether and when a failed attempt is followed by another (Envoy: RetryStateImpl).
 *
 * `limited` and `overflow` say why a retry that the policy wants does not happen.
 */
export type RetryVerdict = "retry" | "no" | "limited" | "overflow";

export class RetryState {
  #policy: CompiledRetry | undefined;
  #cluster: UpstreamCluster | undefined;
  #left = 0;
  #intervalMs = 0;
  #held = false;

  /** A new request, of which nothing is known yet. */
  reset(): void {
    this.#policy = undefined;
  }

  begin(policy: CompiledRetry | undefined, cluster: UpstreamCluster): void {
    this.#policy = policy;
    this.#cluster = cluster;
    this.#left = policy?.retriesMax ?? 0;
    this.#intervalMs = policy?.backOffBaseMs ?? 0;
  }

  get enabled(): boolean {
    return this.#policy !== undefined;
  }

  /** The request's body cannot be sent again. */
  giveUp(): void {
    if (this.#policy !== undefined) this.#cluster?.stats.count("retry_or_shadow_abandoned");
    this.#policy = undefined;
  }

  onReset(reason: ResetReason, requestStarted: boolean): RetryVerdict {
    const policy = this.#policy;
    if (policy === undefined || reason === "overflow") return this.#no();
    const wanted =
      policy.onReset ||
      policy.on5xx ||
      policy.onGatewayError ||
      (policy.onResetBeforeRequest && !requestStarted) ||
      (policy.onConnectFailure && isConnectFailure(reason)) ||
      (policy.onRefusedStream && reason === "remote refused stream reset");
    return wanted ? this.#take() : this.#no();
  }

  onPerTryTimeout(): RetryVerdict {
    const policy = this.#policy;
    if (policy === undefined) return this.#no();
    return policy.onReset || policy.on5xx || policy.onGatewayError ? this.#take() : this.#no();
  }

  onResponse(status: number, headers: HeaderTable): RetryVerdict {
    const policy = this.#policy;
    if (policy === undefined) return this.#no();
    const wanted =
      (policy.on5xx && status >= 500) ||
      (policy.onGatewayError && status >= 502 && status <= 504) ||
      (policy.on4xx && status === 409) ||
      policy.statusCodes.has(status) ||
      grpcStatusMatches(policy, headers) ||
      anyHeaderMatches(policy, headers);
    return wanted ? this.#take() : this.#no();
  }

  /** Milliseconds until the next attempt: anything below the interval, which doubles. */
  nextDelayMs(random: Random): number {
    const intervalMs = this.#intervalMs;
    this.#intervalMs = Math.min(intervalMs * 2, this.#policy?.backOffMaxMs ?? intervalMs);
    return random.below(Math.max(1, intervalMs));
  }

  /** The attempt that was a retry has ended, or the exchange is over. */
  release(): void {
    if (this.#held) this.#cluster?.limits.releaseRetry();
    this.#held = false;
  }

  #no(): RetryVerdict {
    return "no";
  }

  #take(): RetryVerdict {
    this.release();
    const cluster = this.#cluster;
    if (cluster === undefined) return "no";
    if (this.#left === 0) {
      cluster.stats.count("upstream_rq_retry_limit_exceeded");
      return "limited";
    }
    if (!cluster.limits.takeRetry()) {
      cluster.stats.count("upstream_rq_retry_overflow");
      return "overflow";
    }
    this.#held = true;
    this.#left--;
    cluster.stats.count("upstream_rq_retry");
    cluster.stats.count("upstream_rq_retry_backoff_exponential");
    return "retry";
  }
}

/** Of a call that ended with its head; what trailers say comes too late. */
function grpcStatusMatches(policy: CompiledRetry, headers: HeaderTable): boolean {
  if (policy.grpcStatuses === 0) return false;
  const status = grpcStatusIn(headers);
  return status >= 0 && (policy.grpcStatuses & (1 << status)) !== 0;
}

function anyHeaderMatches(policy: CompiledRetry, headers: HeaderTable): boolean {
  if (policy.headers.length === 0) return false;
  const source = new ResponseFields(headers);
  for (let i = 0; i < policy.headers.length; i++) {
    if (policy.headers[i]?.matches(source)) return true;
  }
  return false;
}

class ResponseFields {
  readonly #headers: HeaderTable;

  constructor(headers: HeaderTable) {
    this.#headers = headers;
  }

  header(name: string): string | undefined {
    return this.#headers.joined(name);
  }
}
