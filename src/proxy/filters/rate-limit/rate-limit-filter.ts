// hot path: no allocation per request
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { ExchangeParts } from "../../exchange-source.ts";
import type { TokenBucket } from "../../limits/token-bucket.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import type { HttpFilter, HttpFilterFactory } from "../http-filter.ts";
import type { CompiledRateLimit } from "./compiled-rate-limit.ts";
import type { LimitBuckets } from "./limit-buckets.ts";
import type { CompiledLimitRule } from "./request-descriptors.ts";

/** Envoy: envoy.filters.http.local_ratelimit. */
export class RateLimitFilterFactory implements HttpFilterFactory {
  readonly #own: CompiledRateLimit;

  constructor(own: CompiledRateLimit) {
    this.#own = own;
  }

  create(exchange: ExchangeParts): HttpFilter {
    return new RateLimitFilter(exchange, this.#own);
  }
}

class RateLimitFilter implements HttpFilter {
  readonly #exchange: ExchangeParts;
  readonly #own: CompiledRateLimit;
  #limit: CompiledRateLimit;
  #bucket: TokenBucket | undefined;
  #refused = false;

  constructor(exchange: ExchangeParts, own: CompiledRateLimit) {
    this.#exchange = exchange;
    this.#own = own;
    this.#limit = own;
  }

  onRequest(): LocalReply | undefined {
    const { down, head, routing, source } = this.#exchange;
    const { clock, random } = down.hcm.context;
    const limit = routing.route?.rateLimit ?? this.#own;
    this.#limit = limit;
    this.#bucket = undefined;
    this.#refused = false;
    if (!limit.enabled(random)) return undefined;
    limit.stats.count("enabled");
    if (this.#take(limit.bucketsOf(down.connection), clock.now())) {
      limit.stats.count("ok");
      return undefined;
    }
    limit.stats.count("rate_limited");
    if (!limit.enforced(random)) {
      limit.requestHeaders.apply(head.headers, source);
      return undefined;
    }
    limit.stats.count("enforced");
    this.#refused = true;
    return limit.refusal;
  }

  #take(buckets: LimitBuckets, nowMs: number): boolean {
    buckets.begin();
    if (buckets.asksForDescriptors) this.#describe(buckets);
    const allowed = buckets.take(nowMs);
    this.#bucket = buckets.decisive;
    return allowed;
  }

  #describe(buckets: LimitBuckets): void {
    const rules = this.#exchange.routing.route?.limitRules;
    if (rules === undefined) return;
    this.#describeBy(rules.own, buckets);
    const { hostRules } = this.#limit.config;
    const both = rules.addsHost || hostRules === "include";
    if (both || (hostRules === "override" && rules.own.length === 0)) {
      this.#describeBy(rules.host, buckets);
    }
  }

  #describeBy(rules: readonly CompiledLimitRule[], buckets: LimitBuckets): void {
    const { request, source } = this.#exchange;
    for (let i = 0; i < rules.length; i++) {
      const descriptor = rules[i]?.describe(request, source);
      if (descriptor !== undefined) buckets.describe(descriptor);
    }
  }

  onResponse(headers: HeaderTable): void {
    const { down, source } = this.#exchange;
    if (this.#refused) this.#limit.responseHeaders.apply(headers, source);
    if (this.#bucket === undefined || !this.#limit.config.rateLimitHeaders) return;
    this.#limit.tell(headers, this.#bucket, down.hcm.context.clock.now());
  }
}
