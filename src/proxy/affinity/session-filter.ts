// hot path: no allocation per request
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { SessionOverride, StatefulSession } from "../../model/filter/stateful-session.ts";
import type { ExchangeParts } from "../exchange-source.ts";
import type { HttpFilter, HttpFilterFactory } from "../filters/http-filter.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import { CookieState, HeaderState, type SessionState } from "./session-state.ts";

/** A session's settings at work. */
export class CompiledSession {
  /** Undefined: requests have no session. */
  readonly state: SessionState | undefined;
  readonly strict: boolean;

  constructor(config: SessionOverride) {
    const state = config === "disabled" ? undefined : config.state;
    this.strict = config !== "disabled" && config.strict;
    if (state === undefined) this.state = undefined;
    else this.state = state.kind === "cookie" ? new CookieState(state) : new HeaderState(state);
  }
}

/**
 * Envoy: envoy.filters.http.stateful_session. The client brings the address of the endpoint that
 * served it, and gets it again; where that is gone, balancing finds another, and the client is
 * told which.
 */
export class SessionFilterFactory implements HttpFilterFactory {
  readonly #session: CompiledSession;

  constructor(config: StatefulSession) {
    this.#session = new CompiledSession(config);
  }

  create(exchange: ExchangeParts): HttpFilter {
    return new SessionFilter(exchange, this.#session);
  }
}

class SessionFilter implements HttpFilter {
  readonly #exchange: ExchangeParts;
  readonly #session: CompiledSession;
  /** Undefined: this request has no session. */
  #state: SessionState | undefined;
  #address = "";
  #endsAtS = 0;

  constructor(exchange: ExchangeParts, session: CompiledSession) {
    this.#exchange = exchange;
    this.#session = session;
  }

  onRequest(): LocalReply | undefined {
    const { down, hosts, request, routing } = this.#exchange;
    const { state, strict } = routing.route?.session ?? this.#session;
    this.#state = state?.matches(request.path) === true ? state : undefined;
    if (this.#state === undefined) return undefined;
    this.#address = this.#state.read(request, down.hcm.context.clock);
    this.#endsAtS = this.#state.endsAtS;
    hosts.keepTo(this.#address, strict);
    return undefined;
  }

  onResponse(headers: HeaderTable): void {
    const { attempts, down } = this.#exchange;
    const { host } = attempts.current;
    if (this.#state === undefined || host === undefined) return;
    const isKept = host.text === this.#address;
    if (isKept && !this.#state.refreshes) return;
    this.#state.write(headers, host.text, down.hcm.context.clock, isKept ? this.#endsAtS : 0);
  }
}
