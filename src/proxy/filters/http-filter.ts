// hot path: no allocation per request
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { ExchangeParts } from "../exchange-source.ts";
import type { LocalReply } from "../reply/local-reply.ts";

/**
 * What a filter makes of a request: an answer ends it here, and the filters behind never see it;
 * `wait` holds it until `HttpFilters.resume`; undefined lets it pass.
 */
export type FilterVerdict = LocalReply | "wait" | undefined;

/** An HTTP filter at one exchange: for its requests, one after the other. */
export interface HttpFilter {
  /**
   * A new request: forget the last one. Its route is known, or known to be missing; its cluster is
   * not drawn yet. Who says `wait` calls `exchange.filters.resume` later, once, in another turn.
   */
  onRequest(): FilterVerdict;
  /**
   * The head of the final answer, the upstream's or our own, with the route's changes made. Only
   * filters that saw the request are told, the last one first.
   */
  onResponse(headers: HeaderTable): void;
  /** More of the body, or its end, has come while this filter holds the request. */
  onBody?(): void;
  /** The request that this filter holds has ended otherwise: it must not be resumed any more. */
  onAbandoned?(): void;
  /** The exchange is over, whether this filter has seen its request or not. */
  onEnd?(): void;
}

/** A filter of a connection manager, before there is an exchange. Made when it is compiled. */
export interface HttpFilterFactory {
  create(exchange: ExchangeParts): HttpFilter;
}

/** Who goes on where the last filter has let a request pass, or one has answered it. */
export interface FilteredExchange extends ExchangeParts {
  onFiltered(reply: LocalReply | undefined): void;
}

/** The filters of one exchange, in the configuration's order; the router is not among them. */
export class HttpFilters {
  readonly #exchange: FilteredExchange;
  readonly #filters: readonly HttpFilter[];
  /** Those that want to know when the exchange is over. */
  readonly #ending: readonly HttpFilter[];
  /** How many have seen the request. */
  #entered = 0;
  /** The last of those holds it. */
  #waiting = false;
  /** One of them has held it: time has passed since it came. */
  held = false;

  constructor(factories: readonly HttpFilterFactory[], exchange: FilteredExchange) {
    this.#exchange = exchange;
    this.#filters = factories.map((factory) => factory.create(exchange));
    this.#ending = this.#filters.filter(({ onEnd }) => onEnd !== undefined);
  }

  /** No filter has seen the new request yet. */
  reset(): void {
    this.#entered = 0;
    this.held = false;
  }

  /** Asks one after the other; the first answer counts. */
  onRequest(): FilterVerdict {
    const filters = this.#filters;
    while (this.#entered < filters.length) {
      const verdict = filters[this.#entered++]?.onRequest();
      if (verdict === undefined) continue;
      this.#waiting = verdict === "wait";
      this.held ||= this.#waiting;
      return verdict;
    }
    return undefined;
  }

  /** The filter that holds the request lets it go: with an answer, or on to the next filter. */
  resume(reply: LocalReply | undefined): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    const verdict = reply ?? this.onRequest();
    if (verdict !== "wait") this.#exchange.onFiltered(verdict);
  }

  /** More of the body, or its end, has come. */
  onBody(): void {
    if (this.#waiting) this.#filters[this.#entered - 1]?.onBody?.();
  }

  /** The exchange is over. */
  end(): void {
    if (this.#waiting) this.#abandon();
    const ending = this.#ending;
    for (let i = 0; i < ending.length; i++) ending[i]?.onEnd?.();
  }

  #abandon(): void {
    this.#waiting = false;
    this.#filters[this.#entered - 1]?.onAbandoned?.();
  }

  onResponse(headers: HeaderTable): void {
    for (let i = this.#entered - 1; i >= 0; i--) this.#filters[i]?.onResponse(headers);
  }
}
