// hot path: no allocation per request
import type { Random } from "../../../base/random.ts";
import { GRPC_STATUS } from "../../../codec/grpc/status.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { LocalRateLimit } from "../../../model/filter/local-rate-limit.ts";
import type { TokenBucket } from "../../limits/token-bucket.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import { HeaderMutator } from "../../route/header-mutator.ts";
import type { RateLimitStats } from "../../telemetry/envoy/filter/rate-limit-stats.ts";
import { FLAG_RL } from "../../telemetry/response-flags.ts";
import { holds } from "../fraction.ts";
import type { LimitBuckets } from "./limit-buckets.ts";

const TEXT = "local_rate_limited";

/** A limit at work: of a filter, or of a route. */
export class CompiledRateLimit {
  readonly config: LocalRateLimit;
  readonly stats: RateLimitStats;
  readonly refusal: LocalReply;
  readonly responseHeaders: HeaderMutator;
  readonly requestHeaders: HeaderMutator;
  readonly #buckets: LimitBuckets;
  /** By connection; they go with it. */
  readonly #ofConnections = new WeakMap<object, LimitBuckets>();

  /** `buckets`: what the threads share. */
  constructor(config: LocalRateLimit, stats: RateLimitStats, buckets: LimitBuckets) {
    this.config = config;
    this.stats = stats;
    this.#buckets = buckets;
    const { responseHeaders, requestHeaders, resourceExhausted, status } = config;
    this.responseHeaders = new HeaderMutator({ set: responseHeaders, remove: [] });
    this.requestHeaders = new HeaderMutator({ set: requestHeaders, remove: [] });
    const refusal = { status, body: TEXT, flag: FLAG_RL, details: TEXT, clusterStatus: 0 };
    const grpcStatus = GRPC_STATUS.RESOURCE_EXHAUSTED;
    this.refusal = resourceExhausted ? { ...refusal, grpcStatus } : refusal;
  }

  enabled(random: Random): boolean {
    return holds(this.config.enabled, random);
  }

  enforced(random: Random): boolean {
    return holds(this.config.enforced, random);
  }

  /** The buckets that requests of a connection are taken from. */
  bucketsOf(connection: object): LimitBuckets {
    if (!this.config.perConnection) return this.#buckets;
    let own = this.#ofConnections.get(connection);
    if (own === undefined) {
      own = this.#buckets.fresh();
      this.#ofConnections.set(connection, own);
    }
    return own;
  }

  /** Tells the client how much is left (draft-ietf-httpapi-ratelimit-headers-03). */
  tell(headers: HeaderTable, bucket: TokenBucket, nowMs: number): void {
    headers.setName("x-ratelimit-limit", String(bucket.size.maxTokens));
    headers.setName("x-ratelimit-remaining", String(bucket.remaining(nowMs)));
    headers.setName("x-ratelimit-reset", String(bucket.secondsToNext(nowMs)));
  }
}
