// hot path: no allocation per request
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { ExchangeParts } from "../../exchange-source.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import type { CorsStats } from "../../telemetry/envoy/filter/cors-stats.ts";
import type { HttpFilter, HttpFilterFactory } from "../http-filter.ts";

/**
 * Envoy: envoy.filters.http.cors. Tells browsers which other sites' pages may use a route, and
 * answers their preflights. Nothing is kept from anybody: browsers enforce what they are told.
 */
export class CorsFilterFactory implements HttpFilterFactory {
  readonly #stats: CorsStats;

  constructor(stats: CorsStats) {
    this.#stats = stats;
  }

  create(exchange: ExchangeParts): HttpFilter {
    return new CorsFilter(exchange, this.#stats);
  }
}

class CorsFilter implements HttpFilter {
  readonly #exchange: ExchangeParts;
  readonly #stats: CorsStats;
  /** The site that is allowed; empty: none asks, or none is. */
  #origin = "";

  constructor(exchange: ExchangeParts, stats: CorsStats) {
    this.#exchange = exchange;
    this.#stats = stats;
  }

  onRequest(): LocalReply | undefined {
    const { head, routing, down } = this.#exchange;
    const policy = routing.route?.cors;
    this.#origin = "";
    if (policy === undefined) return undefined;
    const enforced = policy.enforced(down.hcm.context.random);
    if (!enforced && !policy.shadowed(down.hcm.context.random)) return undefined;
    const origin = head.headers.joined("origin") ?? "";
    if (origin === "") return undefined;
    const allowed = policy.allows(origin);
    this.#stats.count(allowed ? "origin_valid" : "origin_invalid");
    if (!enforced) return undefined;
    if (allowed) this.#origin = origin;
    if (!this.#isPreflight() || (!allowed && policy.forwardsOthers)) return undefined;
    return policy.preflight(this.#origin, head.headers);
  }

  #isPreflight(): boolean {
    const { method, headers } = this.#exchange.head;
    if (method !== "OPTIONS") return false;
    return (headers.joined("access-control-request-method") ?? "") !== "";
  }

  onResponse(headers: HeaderTable): void {
    if (this.#origin !== "") this.#exchange.routing.route?.cors?.mark(headers, this.#origin);
  }
}
