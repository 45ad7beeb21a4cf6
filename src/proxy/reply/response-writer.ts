// hot path: no allocation per request
import { chunkHead, LAST_CHUNK } from "../../codec/h1/chunk-writer.ts";
import { removeHopByHop } from "../../codec/h1/connection-field.ts";
import type { RequestParser } from "../../codec/h1/request-parser.ts";
import type { ResponseParser } from "../../codec/h1/response-parser.ts";
import { ID } from "../../codec/http/header-name.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import type { Downstream } from "../downstream.ts";
import { finishResponseHeaders } from "../filters/response-headers.ts";
import type { RequestAccount } from "../telemetry/account.ts";
import type { LocalReply } from "./local-reply.ts";
import { responseText } from "./response-text.ts";

const NO_HEADERS = new HeaderTable();
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** Writes responses to the client in this connection's own framing. */
export class ResponseWriter {
  headers: HeaderTable = NO_HEADERS;
  /** The connection can be used again after this response. */
  keepAlive = true;
  readonly #down: Downstream;
  readonly #request: RequestParser;
  readonly #account: RequestAccount;
  #chunked = false;

  constructor(down: Downstream, request: RequestParser, account: RequestAccount) {
    this.#down = down;
    this.#request = request;
    this.#account = account;
  }

  begin(): void {
    this.headers = NO_HEADERS;
    this.keepAlive = this.#request.keepAlive && !this.#down.lastRequest;
    this.#chunked = false;
  }

  /** Asks the client for its body. */
  invite(): void {
    this.#down.writer.text(CONTINUE);
  }

  /** 103 and its like; HTTP/1.0 knows none (RFC 9110 section 15.2). */
  interim(head: ResponseParser): void {
    if (head.status === 100 || this.#request.version === 10) return;
    removeHopByHop(head.headers);
    this.#down.writer.text(responseText(head.status, head.headers, ""));
  }

  /** 101: what follows is another protocol. */
  switchProtocols(head: ResponseParser, nowMs: number): void {
    const { headers } = head;
    this.headers = headers;
    removeHopByHop(headers);
    finishResponseHeaders(headers, this.#request.headers, this.#down.hcm, nowMs);
    this.#account.responded(101);
    this.#down.writer.text(responseText(101, headers, "connection: upgrade\r\n"));
  }

  /** The upstream's final head, its headers being what the client shall get. */
  head(head: ResponseParser, nowMs: number): void {
    const { headers } = head;
    finishResponseHeaders(headers, this.#request.headers, this.#down.hcm, nowMs);
    const open = head.body === "chunked" || head.body === "untilClose";
    this.#chunked = open && this.#request.version === 11;
    if (open && !this.#chunked) this.keepAlive = false;
    this.#writeHead(head.status, headers);
  }

  data(bytes: Buffer, start: number, end: number): void {
    const { writer } = this.#down;
    this.count(end - start);
    if (this.#chunked) writer.text(chunkHead(end - start));
    writer.bytes(bytes, start, end);
    if (this.#chunked) writer.text("\r\n");
  }

  end(): void {
    if (this.#chunked) this.#down.writer.text(LAST_CHUNK);
  }

  /** The proxy's own answer, whole. */
  local(reply: LocalReply, headers: HeaderTable, nowMs: number): void {
    finishResponseHeaders(headers, this.#request.headers, this.#down.hcm, nowMs);
    if (reply.body === "" && !isBodiless(reply.status)) headers.set(ID["content-length"], "0");
    this.#writeHead(reply.status, headers);
    if (this.#request.method === "HEAD" || reply.body === "") return;
    const bytes = Buffer.from(reply.body);
    this.count(bytes.length);
    this.#down.writer.bytes(bytes, 0, bytes.length);
  }

  /** So many bytes of a body have gone downstream. */
  count(bytes: number): void {
    this.#account.wireBytesSent += bytes;
    this.#account.bodyBytesSent += bytes;
  }

  #writeHead(status: number, headers: HeaderTable): void {
    const { version } = this.#request;
    let tail = this.#chunked ? "transfer-encoding: chunked\r\n" : "";
    if (!this.keepAlive) tail = `connection: close\r\n${tail}`;
    else if (version === 10) tail = "connection: keep-alive\r\n";
    // Whoever does not speak HTTP/1.0 does not answer in it.
    const spoken = this.#down.hcm.config.acceptHttp10 ? version : 11;
    const text = responseText(status, headers, tail, spoken);
    this.#account.wireBytesSent += text.length;
    this.#down.writer.text(text);
  }
}

function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}
