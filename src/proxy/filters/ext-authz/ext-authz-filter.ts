import type { HeaderTable } from "../../../codec/http/header-table.ts";
import { asksForTunnel } from "../../../codec/http/message.ts";
import type { HeaderChange } from "../../../xds/authorization/check-response.ts";
import type { ExchangeParts } from "../../exchange-source.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import { applyHeader } from "../../route/header-mutator.ts";
import {
  type SideAnswer,
  SideCall,
  type SideCallLimits,
  type SideCallOwner,
  type SideFailure,
} from "../../side-call/side-call.ts";
import type { ExtAuthzStat } from "../../telemetry/envoy/filter/ext-authz-stats.ts";
import { FLAG_UAEX } from "../../telemetry/response-flags.ts";
import type { FilterVerdict, HttpFilter, HttpFilterFactory } from "../http-filter.ts";
import { MetadataMatcher } from "../metadata-matcher.ts";
import type { CompiledExtAuthz } from "./compiled-ext-authz.ts";
import { grpcQuestion, grpcVerdict } from "./grpc-authorizer.ts";
import { httpQuestion, httpVerdict } from "./http-authorizer.ts";
import { changeQuery } from "./query.ts";
import type { ShownBody } from "./shown-body.ts";
import {
  type Consent,
  fieldsOf,
  isChangeable,
  isWritable,
  type Refusal,
  type Verdict,
} from "./verdict.ts";

const METADATA = "envoy.filters.http.ext_authz";
const FAILURE_HEADER = "x-envoy-auth-failure-mode-allowed";
/** An authorization server's answer has no use for more. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/** The body is longer than the server may be shown. */
const TOO_LARGE: LocalReply = {
  status: 413,
  body: "Payload Too Large",
  flag: 0,
  details: "request_payload_too_large",
  clusterStatus: 0,
};

/** What the server has said cannot be done. */
const INVALID: LocalReply = {
  status: 500,
  body: "",
  flag: FLAG_UAEX,
  details: "ext_authz_invalid",
  clusterStatus: 0,
};

const FORBIDDEN = 403;

/** Envoy: envoy.filters.http.ext_authz: a server is asked about each request, which waits. */
export class ExtAuthzFilterFactory implements HttpFilterFactory {
  readonly #authz: CompiledExtAuthz;
  readonly #enabled: MetadataMatcher | undefined;

  /** Throws where a pattern is not RE2. */
  constructor(authz: CompiledExtAuthz) {
    const { enabledMetadata } = authz.config;
    this.#authz = authz;
    this.#enabled = enabledMetadata && new MetadataMatcher(enabledMetadata);
  }

  create(exchange: ExchangeParts): HttpFilter {
    return new ExtAuthzFilter(exchange, this.#authz, this.#enabled);
  }
}

/**
 * ```
 *   idle -> gathering the body -> asking -> idle      passed, refused, or abandoned
 *     |                             ^
 *     +-----------------------------+
 * ```
 */
class ExtAuthzFilter implements HttpFilter, SideCallOwner {
  readonly #exchange: ExchangeParts;
  readonly #authz: CompiledExtAuthz;
  readonly #enabled: MetadataMatcher | undefined;
  #call: SideCall | undefined;
  #gathering = false;
  /** Inside `start`: what comes of it is its caller's. */
  #starting = false;
  #settled = false;
  #reply: LocalReply | undefined;
  #responseHeaders: readonly HeaderChange[] = [];

  constructor(
    exchange: ExchangeParts,
    authz: CompiledExtAuthz,
    enabled: MetadataMatcher | undefined,
  ) {
    this.#exchange = exchange;
    this.#authz = authz;
    this.#enabled = enabled;
  }

  onRequest(): FilterVerdict {
    const { metadata, routing } = this.#exchange;
    this.#responseHeaders = [];
    this.#gathering = false;
    if (routing.route?.extAuthz === "disabled") return undefined;
    if (this.#enabled?.matches(metadata) === false) {
      this.#count("disabled");
      return undefined;
    }
    return this.#gather();
  }

  /** Waits for as much of the body as the server is shown. */
  #gather(): FilterVerdict {
    const { body, head, routing } = this.#exchange;
    const wanted = this.#authz.bodyFor(routing.route?.extAuthz);
    if (wanted === undefined || head.body === "none" || asksForTunnel(head)) return this.#ask();
    const { allowPartial, asBytes, maxBytes } = wanted;
    if (body.length > maxBytes && !allowPartial) return TOO_LARGE;
    if (!body.complete && body.length < maxBytes + (allowPartial ? 0 : 1)) {
      body.holdUpTo(maxBytes);
      this.#gathering = true;
      return "wait";
    }
    const partial = body.length > maxBytes || !body.complete;
    return this.#ask({ bytes: body.copy(maxBytes), partial, asBytes });
  }

  onBody(): void {
    if (!this.#gathering) return;
    this.#gathering = false;
    const verdict = this.#gather();
    if (verdict !== "wait") this.#exchange.filters.resume(verdict);
  }

  onAbandoned(): void {
    this.#gathering = false;
    this.#call?.cancel();
    this.#call = undefined;
  }

  #ask(body?: ShownBody): FilterVerdict {
    const { cluster } = this.#authz.slot;
    if (cluster === undefined) return this.#failed();
    const { service } = this.#authz.config;
    const question =
      service.kind === "grpc"
        ? grpcQuestion(this.#exchange, service, this.#authz, body)
        : httpQuestion(this.#exchange, service, this.#authz, body);
    const limits: SideCallLimits = {
      timeoutMs: service.timeoutMs,
      bodyBytesMax: ANSWER_BYTES_MAX,
    };
    this.#call = new SideCall(question, cluster, limits, this);
    this.#settled = false;
    this.#starting = true;
    this.#call.start();
    this.#starting = false;
    return this.#settled ? this.#reply : "wait";
  }

  onAnswer(answer: SideAnswer): void {
    const { lists } = this.#authz;
    const verdict = lists === undefined ? grpcVerdict(answer) : httpVerdict(answer, lists);
    this.#settle(verdict === undefined ? this.#failed() : this.#obey(verdict));
  }

  /** An endless answer is the server's word all the same, and may be a refusal. */
  onFailure(failure: SideFailure): void {
    this.#settle(failure === "too long" ? this.#unreadable() : this.#failed());
  }

  #settle(reply: LocalReply | undefined): void {
    this.#call = undefined;
    this.#settled = true;
    this.#reply = reply;
    if (!this.#starting) this.#exchange.filters.resume(reply);
  }

  #obey(verdict: Verdict): LocalReply | undefined {
    if (verdict.kind === "allowed" && !isUsable(verdict)) return this.#unreadable();
    const fields = fieldsOf(verdict);
    if (fields !== undefined) this.#exchange.metadata.set(METADATA, fields);
    return verdict.kind === "allowed" ? this.#allow(verdict) : this.#refuse(verdict);
  }

  #allow(consent: Consent): undefined {
    this.#count("ok");
    const { down, request, routing } = this.#exchange;
    const { headers, headersToRemove, queryToRemove, queryToSet, responseHeaders } = consent;
    for (const name of headersToRemove) {
      if (isChangeable(name)) request.headers.removeName(name);
    }
    for (const one of headers) if (isChangeable(one.name)) change(request.headers, one);
    if (queryToSet.length > 0 || queryToRemove.length > 0) {
      request.setPath(changeQuery(request.path, queryToSet, queryToRemove));
    }
    this.#responseHeaders = responseHeaders.filter(({ name }) => isChangeable(name));
    if (this.#authz.config.clearRouteCache) routing.find(request, down.hcm);
    return undefined;
  }

  /** Whatever is wrong with its words, a refusal stays one. */
  #refuse({ body, headers, status }: Refusal): LocalReply {
    this.#count("denied");
    return {
      status: status < 200 || status > 599 ? FORBIDDEN : status,
      body,
      flag: FLAG_UAEX,
      details: "ext_authz_denied",
      headers: headers.filter(isTellable).map((one) => [one.name, one.value]),
      clusterStatus: 0,
    };
  }

  /** The server has been asked, so that its failures are none (Envoy: rejectResponse). */
  #unreadable(): LocalReply {
    this.#count("invalid");
    return INVALID;
  }

  #failed(): LocalReply | undefined {
    const { config, failure } = this.#authz;
    this.#count("error");
    if (!config.failureModeAllow) return failure;
    this.#count("failure_mode_allowed");
    if (config.failureModeAllowHeader) {
      this.#exchange.request.headers.setName(FAILURE_HEADER, "true");
    }
    return undefined;
  }

  onResponse(headers: HeaderTable): void {
    for (const one of this.#responseHeaders) change(headers, one);
  }

  #count(stat: ExtAuthzStat): void {
    this.#authz.stats.count(stat);
  }
}

function change(headers: HeaderTable, { action, name, value }: HeaderChange): void {
  if (action !== "join") {
    applyHeader(headers, name, value, action);
    return;
  }
  const present = headers.joined(name);
  if (present !== undefined) headers.setName(name, `${present},${value}`);
}

/** Whether every header that the server sets can be written. */
function isUsable({ headers, responseHeaders }: Consent): boolean {
  return headers.every(isWritable) && responseHeaders.every(isWritable);
}

function isTellable(header: HeaderChange): boolean {
  return isChangeable(header.name) && isWritable(header);
}
