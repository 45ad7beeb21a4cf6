// hot path: no allocation per request
import { removeHopByHop } from "../../codec/h1/connection-field.ts";
import { ID } from "../../codec/http/header-name.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import type { BodyKind, RequestMessage, ResponseMessage } from "../../codec/http/message.ts";
import type { Downstream } from "../downstream.ts";
import { finishResponseHeaders } from "../filters/response-headers.ts";
import type { GrpcWeb } from "../grpc/grpc-web.ts";
import type { RequestAccount } from "../telemetry/account.ts";
import { isBodiless, type LocalReply } from "./local-reply.ts";

const NO_HEADERS = new HeaderTable();

/**
 * What every response gets on its way to the client, in whatever form that is written. Interim
 * ones, and 204, have no length (RFC 9110 section 8.6), whatever the upstream says.
 */
export class ResponseWriter {
  headers: HeaderTable = NO_HEADERS;
  trailers: HeaderTable = NO_HEADERS;
  readonly #down: Downstream;
  readonly #request: RequestMessage;
  readonly #account: RequestAccount;
  readonly #web: GrpcWeb;
  /** Of a head that is held back, for its body shall be part of it; 0: none is. */
  #heldStatus = 0;

  constructor(down: Downstream, request: RequestMessage, account: RequestAccount, web: GrpcWeb) {
    this.#down = down;
    this.#request = request;
    this.#account = account;
    this.#web = web;
  }

  begin(): void {
    this.headers = NO_HEADERS;
    this.trailers = NO_HEADERS;
    this.#heldStatus = 0;
    this.#web.begin();
    this.#down.encoder.begin();
  }

  /** Asks the client for its body. */
  invite(): void {
    this.#down.encoder.invite();
  }

  /** 103 and its like; HTTP/1.0 knows none (RFC 9110 section 15.2). */
  interim(head: ResponseMessage): void {
    if (head.status === 100 || this.#request.version === 10) return;
    removeHopByHop(head.headers);
    head.headers.remove(ID["content-length"]);
    head.headers.remove(ID["x-outrigger-carried"]);
    this.#down.encoder.interim(head.status, head.headers);
  }

  /** 101: what follows is another protocol. */
  switchProtocols(head: ResponseMessage, nowMs: number): void {
    const { headers } = head;
    this.headers = headers;
    removeHopByHop(headers);
    headers.remove(ID["content-length"]);
    headers.remove(ID["x-outrigger-carried"]);
    finishResponseHeaders(headers, this.#request.headers, this.#down.hcm, nowMs);
    this.#account.responded(101);
    this.#account.wireBytesSent += this.#down.encoder.switchProtocols(101, headers);
  }

  /** 2xx to CONNECT, its headers being what the client shall get; it has no length. */
  connected({ headers, status }: ResponseMessage, nowMs: number): void {
    headers.remove(ID["content-length"]);
    // Envoy times what answers a request that is complete.
    headers.remove(ID["x-envoy-upstream-service-time"]);
    finishResponseHeaders(headers, this.#request.headers, this.#down.hcm, nowMs);
    this.#account.wireBytesSent += this.#down.encoder.switchProtocols(status, headers);
  }

  /** The upstream's final head, its headers being what the client shall get. */
  head({ body, headers, status }: ResponseMessage, nowMs: number): void {
    // Some client believes it, and waits for a body or takes the next response for it.
    if (status === 204) headers.remove(ID["content-length"]);
    finishResponseHeaders(headers, this.#request.headers, this.#down.hcm, nowMs);
    if (this.#web.active) this.#webHead(status, headers, body);
    else this.#head(status, headers, body);
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#web.active) this.#webData(bytes, start, end);
    else this.#data(bytes, start, end);
  }

  end(): void {
    if (this.#web.active) this.#webEnd();
    else if (this.trailers === NO_HEADERS) this.#down.encoder.end();
    else this.#down.encoder.trailers(this.trailers);
  }

  /** The proxy's own answer, whole. */
  local(reply: LocalReply, headers: HeaderTable, nowMs: number): void {
    const { encoder, hcm } = this.#down;
    finishResponseHeaders(headers, this.#request.headers, hcm, nowMs);
    const bodiless = isBodiless(reply.status);
    // HTTP/2 says in its frames that nothing follows.
    const silent = this.#request.version === 20 || bodiless;
    if (reply.body === "" && !silent) headers.set(ID["content-length"], "0");
    const hasBody = reply.body !== "" && !bodiless && this.#request.method !== "HEAD";
    const bytes = Buffer.from(hasBody ? reply.body : "");
    if (this.#web.active) {
      this.#webHead(reply.status, headers, hasBody ? "length" : "none");
      if (hasBody) this.#webData(bytes, 0, bytes.length);
      this.#webEnd();
      return;
    }
    this.#head(reply.status, headers, hasBody ? "length" : "none");
    if (hasBody) this.#data(bytes, 0, bytes.length);
    encoder.end();
  }

  tunnel(bytes: Buffer, start: number, end: number): void {
    this.count(end - start);
    this.#down.encoder.tunnel(bytes, start, end);
  }

  #head(status: number, headers: HeaderTable, body: BodyKind): void {
    this.#account.wireBytesSent += this.#down.encoder.head(status, headers, body);
  }

  #data(bytes: Buffer, start: number, end: number): void {
    this.count(end - start);
    this.#down.encoder.data(bytes, start, end);
  }

  #webHead(status: number, headers: HeaderTable, body: BodyKind): void {
    const hasBody = body !== "none";
    if (!this.#web.takeResponse(status, headers, hasBody)) this.#heldStatus = status;
    else this.#head(status, headers, hasBody ? "chunked" : "none");
  }

  #webData(bytes: Buffer, start: number, end: number): void {
    if (this.#heldStatus > 0) this.#web.hold(bytes, start, end);
    else this.#whole(this.#web.encode(bytes.subarray(start, end)));
  }

  /** Trailers are the last part of the body, or what was held back is told in the head. */
  #webEnd(): void {
    if (this.#heldStatus > 0) {
      this.#web.explain(this.#heldStatus, this.headers);
      this.#head(this.#heldStatus, this.headers, "none");
    } else if (this.trailers !== NO_HEADERS) {
      this.#whole(this.#web.encodeTrailers(this.trailers));
    }
    this.#down.encoder.end();
  }

  #whole(bytes: Buffer): void {
    if (bytes.length > 0) this.#data(bytes, 0, bytes.length);
  }

  /** So many bytes of a body have gone downstream. */
  count(bytes: number): void {
    this.#account.wireBytesSent += bytes;
    this.#account.bodyBytesSent += bytes;
  }
}
