// hot path: no allocation per request
import type { ExchangeParts } from "../../exchange-source.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import type { FilterVerdict, HttpFilter, HttpFilterFactory } from "../http-filter.ts";
import type { CompiledJwtAuthn } from "./compiled-jwt-authn.ts";
import { JwtRequest } from "./jwt-request.ts";
import type { Requirement } from "./requirement.ts";
import { type JwtStatus, OK } from "./status.ts";
import { Verification, type VerificationOwner } from "./verification.ts";

/** Envoy: envoy.filters.http.jwt_authn: requests have to carry tokens of those it trusts. */
export class JwtFilterFactory implements HttpFilterFactory {
  readonly #authn: CompiledJwtAuthn;

  constructor(authn: CompiledJwtAuthn) {
    this.#authn = authn;
  }

  create(exchange: ExchangeParts): HttpFilter {
    return new JwtFilter(exchange, this.#authn);
  }
}

/**
 * ```
 *   idle -> verifying -> idle      passed, refused, or abandoned
 * ```
 * A token that is known passes at once; a new one waits to be verified, and maybe for keys.
 */
class JwtFilter implements HttpFilter, VerificationOwner {
  readonly #exchange: ExchangeParts;
  readonly #authn: CompiledJwtAuthn;
  #request: JwtRequest | undefined;
  #verification: Verification | undefined;

  constructor(exchange: ExchangeParts, authn: CompiledJwtAuthn) {
    this.#exchange = exchange;
    this.#authn = authn;
  }

  onRequest(): FilterVerdict {
    const { head, routing } = this.#exchange;
    const authn = this.#authn;
    const ofRoute = routing.route?.jwt;
    // Whatever is asked: only tokens say what these say.
    for (let i = 0; i < authn.written.length; i++) {
      head.headers.removeName(authn.written[i] as string);
    }
    if (ofRoute === "disabled") return this.#allow();
    if (authn.bypassCorsPreflight && this.#isPreflight()) {
      authn.stats.count("cors_preflight_bypassed");
      return this.#allow();
    }
    if (ofRoute === undefined) return this.#verify(authn.requirementOf(this.#exchange.request));
    const requirement = authn.named(ofRoute);
    if (requirement !== undefined) return this.#verify(requirement);
    authn.stats.count("denied");
    return authn.unknown(ofRoute);
  }

  onResponse(): void {
    // Answers carry no tokens of ours.
  }

  /** The client has gone, or its time is over. */
  onAbandoned(): void {
    this.#verification?.cancel();
    this.#verification = undefined;
    this.#request = undefined;
  }

  onVerified(status: JwtStatus): void {
    this.#exchange.filters.resume(this.#settle(status));
  }

  onFault(error: unknown): void {
    this.#exchange.down.onFault(error);
  }

  #verify(requirement: Requirement | undefined): FilterVerdict {
    if (requirement === undefined) return this.#allow();
    this.#request = new JwtRequest(this.#exchange);
    this.#verification = new Verification(requirement.verify(this.#request), this);
    const status = this.#verification.run();
    return status === undefined ? "wait" : this.#settle(status);
  }

  #settle(status: JwtStatus): LocalReply | undefined {
    this.#verification = undefined;
    this.#request?.finish();
    this.#request = undefined;
    if (status === OK) return this.#allow();
    this.#authn.stats.count("denied");
    return this.#authn.denied(status, this.#exchange.request);
  }

  #allow(): undefined {
    this.#authn.stats.count("allowed");
  }

  /** A browser's, which carries no credentials (Fetch standard). */
  #isPreflight(): boolean {
    const { method, headers } = this.#exchange.head;
    if (method !== "OPTIONS" || (headers.joined("origin") ?? "") === "") return false;
    return (headers.joined("access-control-request-method") ?? "") !== "";
  }
}
