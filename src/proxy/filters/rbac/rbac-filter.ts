// hot path: no allocation per request
import type { Rbac } from "../../../model/filter/rbac.ts";
import type { ExchangeParts } from "../../exchange-source.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import type { RbacStats } from "../../telemetry/envoy/filter/rbac-stats.ts";
import type { HttpFilter, HttpFilterFactory } from "../http-filter.ts";
import {
  COMMON_METADATA,
  CompiledRbac,
  HTTP_METADATA,
  type JudgedRules,
  LOGGED,
  NOT_LOGGED,
  RbacEngines,
} from "./compiled-rbac.ts";
import { NO_POLICY } from "./compiled-rules.ts";
import { ExchangeSubject } from "./exchange-subject.ts";

/** Envoy: envoy.filters.http.rbac. Says who may do what, request by request. */
export class RbacFilterFactory implements HttpFilterFactory {
  readonly #name: string;
  readonly #config: Rbac;
  readonly #own: CompiledRbac;
  readonly #stats: RbacStats;
  /** What routes say in its place, as it tells of that. */
  readonly #ofRoutes = new WeakMap<RbacEngines, CompiledRbac>();

  /** `name`: by which routes speak of it. Throws where a regex, address or template is none. */
  constructor(name: string, config: Rbac, stats: RbacStats) {
    this.#name = name;
    this.#config = config;
    this.#own = new CompiledRbac(new RbacEngines(config));
    this.#stats = stats;
  }

  create(exchange: ExchangeParts): HttpFilter {
    return new RbacFilter(exchange, this, this.#stats);
  }

  /** Its own rules, or those of the request's route. */
  rulesOf({ routing }: ExchangeParts): CompiledRbac {
    const ofRoute = routing.route?.rbac?.get(this.#name);
    return ofRoute === undefined ? this.#own : this.#inItsPlace(ofRoute);
  }

  #inItsPlace(engines: RbacEngines): CompiledRbac {
    let compiled = this.#ofRoutes.get(engines);
    if (compiled === undefined) {
      compiled = new CompiledRbac(engines, this.#config);
      this.#ofRoutes.set(engines, compiled);
    }
    return compiled;
  }
}

class RbacFilter implements HttpFilter {
  readonly #exchange: ExchangeParts;
  readonly #factory: RbacFilterFactory;
  readonly #stats: RbacStats;
  readonly #subject: ExchangeSubject;

  constructor(exchange: ExchangeParts, factory: RbacFilterFactory, stats: RbacStats) {
    this.#exchange = exchange;
    this.#factory = factory;
    this.#stats = stats;
    this.#subject = new ExchangeSubject(exchange);
  }

  onRequest(): LocalReply | undefined {
    const rbac = this.#factory.rulesOf(this.#exchange);
    const { enforced, shadow } = rbac;
    if (shadow !== undefined) this.#watch(shadow, rbac.tracksPolicies);
    return enforced === undefined ? undefined : this.#judge(enforced, rbac);
  }

  onResponse(): void {}

  #watch(shadow: JudgedRules, tracksPolicies: boolean): void {
    const { rules } = shadow;
    const matched = rules.match(this.#subject);
    const allowed = rules.allows(matched);
    this.#stats.countShadow(allowed);
    if (tracksPolicies && matched !== NO_POLICY) {
      const verdict = allowed ? "shadow_allowed" : "shadow_denied";
      this.#stats.countPolicy(verdict, rules.names[matched] as string);
    }
    this.#exchange.metadata.merge(HTTP_METADATA, shadow.said(matched));
  }

  #judge(enforced: JudgedRules, rbac: CompiledRbac): LocalReply | undefined {
    const { rules } = enforced;
    const matched = rules.match(this.#subject);
    const allowed = rules.allows(matched);
    this.#stats.count(allowed);
    if (rbac.tracksPolicies && matched !== NO_POLICY) {
      this.#stats.countPolicy(allowed ? "allowed" : "denied", rules.names[matched] as string);
    }
    const { metadata } = this.#exchange;
    if (rules.action === "log") {
      metadata.merge(COMMON_METADATA, matched === NO_POLICY ? NOT_LOGGED : LOGGED);
    }
    metadata.merge(HTTP_METADATA, enforced.said(matched));
    return allowed ? undefined : rbac.denial(matched);
  }
}
