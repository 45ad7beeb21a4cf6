// hot path: no allocation per request
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { ExchangeParts } from "../exchange-source.ts";
import type { LocalReply } from "../reply/local-reply.ts";

/** An HTTP filter at one exchange: for its requests, one after the other. */
export interface HttpFilter {
  /**
   * A new request: forget the last one. Its route is known, or known to be missing; its cluster is
   * not drawn yet. An answer ends the request here, and the filters behind never see it.
   */
  onRequest(): LocalReply | undefined;
  /**
   * The head of the final answer, the upstream's or our own, with the route's changes made. Only
   * filters that saw the request are told, the last one first.
   */
  onResponse(headers: HeaderTable): void;
}

/** A filter of a connection manager, before there is an exchange. Made when it is compiled. */
export interface HttpFilterFactory {
  create(exchange: ExchangeParts): HttpFilter;
}

/** The filters of one exchange, in the configuration's order; the router is not among them. */
export class HttpFilters {
  readonly #filters: readonly HttpFilter[];
  /** How many have seen the request. */
  #entered = 0;

  constructor(factories: readonly HttpFilterFactory[], exchange: ExchangeParts) {
    this.#filters = factories.map((factory) => factory.create(exchange));
  }

  /** No filter has seen the new request yet. */
  reset(): void {
    this.#entered = 0;
  }

  /** Asks one after the other; the first answer counts. */
  onRequest(): LocalReply | undefined {
    const filters = this.#filters;
    while (this.#entered < filters.length) {
      const reply = filters[this.#entered++]?.onRequest();
      if (reply !== undefined) return reply;
    }
    return undefined;
  }

  onResponse(headers: HeaderTable): void {
    for (let i = this.#entered - 1; i >= 0; i--) this.#filters[i]?.onResponse(headers);
  }
}
