// hot path: no allocation per request
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { ResponseMessage } from "../../codec/http/message.ts";
import type { ExchangeParts, ExchangeSource } from "../exchange-source.ts";
import { takeResponseHeaders } from "../filters/response-headers.ts";
import { noteGrpcStatus } from "../grpc/grpc-call.ts";
import type { GrpcWeb } from "../grpc/grpc-web.ts";
import { finalizeResponse } from "../route/finalize.ts";
import { grpcReply, type LocalReply, localReplyHeaders } from "./local-reply.ts";
import { NO_ROUTE } from "./replies.ts";

/** How an exchange is answered: by the upstream, or by the proxy for it. */
export class Answer {
  readonly #of: ExchangeParts;
  readonly #source: ExchangeSource;
  readonly #web: GrpcWeb;

  constructor(exchange: ExchangeParts, source: ExchangeSource, web: GrpcWeb) {
    this.#of = exchange;
    this.#source = source;
    this.#web = web;
  }

  /** Makes of the upstream's final head what the client shall get. */
  take({ headers, status }: ResponseMessage, nowMs: number): void {
    const { account, down, response } = this.#of;
    response.headers = headers;
    account.upstreamFirstByteAtMs = nowMs;
    account.details = "via_upstream";
    // Nobody waits for the rest of the request: the client is told (Envoy: encodeHeaders).
    if (account.requestCompleteAtMs === 0) down.encoder.keepAlive = false;
    noteGrpcStatus(account, headers);
    takeResponseHeaders(headers, down.hcm, account.requestCompleteAtMs, nowMs);
    account.responded(status);
    this.#of.hosts.setCookies(headers);
    this.#finalize(headers);
  }

  /** Answers for the upstream. `requestComplete`: else the connection cannot be used again. */
  local(refusal: LocalReply, requestComplete: boolean, nowMs: number): void {
    const { account, down, request, response } = this.#of;
    const grpc = account.grpc && !this.#web.active;
    const reply = grpc ? grpcReply(refusal, request.method) : refusal;
    account.flags |= reply.flag;
    account.details = reply.details;
    if (refusal === NO_ROUTE) down.hcm.account.http.count("no_route");
    const headers = localReplyHeaders(reply);
    response.headers = headers;
    if (this.#isRouted(reply)) this.#finalize(headers);
    else this.#of.filters.onResponse(headers);
    // It is not the router's answer, and the router counts attempts.
    if (reply.clusterStatus === 0) headers.remove(ID["x-envoy-attempt-count"]);
    noteGrpcStatus(account, headers);
    account.responded(reply.status, reply.uncounted === true ? 0 : reply.clusterStatus);
    const close = reply.close === true || !requestComplete || request.method === "CONNECT";
    if (close) down.encoder.keepAlive = false;
    response.local(reply, headers, nowMs);
  }

  /** Answers in the place of `why`, with a head of the proxy's own. */
  standIn(head: ResponseMessage, why: LocalReply, details: string, nowMs: number): void {
    const { account, body, down, response } = this.#of;
    const { headers, status } = head;
    account.flags |= why.flag;
    account.details = details;
    response.headers = headers;
    this.#finalize(headers);
    noteGrpcStatus(account, headers);
    account.responded(status, why.uncounted === true ? 0 : (why.clusterStatus ?? why.status));
    if (!body.complete) down.encoder.keepAlive = false;
    response.head(head, nowMs);
  }

  /** Routes that answer themselves have no word in what a filter answers in their place. */
  #isRouted({ clusterStatus }: LocalReply): boolean {
    return clusterStatus !== 0 || this.#of.routing.route?.action.kind === "forward";
  }

  #finalize(headers: HeaderTable): void {
    const { route, target } = this.#of.routing;
    if (route !== undefined) finalizeResponse(headers, route, target, this.#source);
    this.#of.filters.onResponse(headers);
  }
}
