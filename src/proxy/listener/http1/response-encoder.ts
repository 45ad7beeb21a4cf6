// hot path: no allocation per request
import { chunkHead, LAST_CHUNK, LAST_CHUNK_SIZE } from "../../../codec/h1/chunk-writer.ts";
import { ID } from "../../../codec/http/header-name.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { BodyKind, RequestMessage } from "../../../codec/http/message.ts";
import type { CompiledHcm } from "../../compile/compiled-hcm.ts";
import type { ResponseEncoder } from "../../reply/response-encoder.ts";
import type { SocketWriter } from "../../wire/socket-writer.ts";
import { responseText } from "./response-text.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** What the encoder has to know of its request's connection. */
export interface Http1Client {
  readonly hcm: CompiledHcm;
  /** The connection shall end after this request. */
  readonly lastRequest: boolean;
}

/** Writes responses as HTTP/1.1 (RFC 9112 section 6), to HTTP/1.0 clients as that. */
export class Http1ResponseEncoder implements ResponseEncoder {
  keepAlive = true;
  readonly #client: Http1Client;
  readonly #request: RequestMessage;
  #writer: SocketWriter | undefined;
  #chunked = false;

  constructor(client: Http1Client, request: RequestMessage) {
    this.#client = client;
    this.#request = request;
  }

  /** The next response goes there; undefined: what is written goes nowhere. */
  use(writer: SocketWriter | undefined): void {
    this.#writer = writer;
  }

  begin(): void {
    this.keepAlive = this.#request.keepAlive && !this.#client.lastRequest;
    this.#chunked = false;
  }

  invite(): void {
    this.#writer?.text(CONTINUE);
  }

  interim(status: number, headers: HeaderTable): void {
    this.#writer?.text(responseText(status, headers, ""));
  }

  switchProtocols(status: number, headers: HeaderTable): number {
    if (status !== 101) return this.#write(responseText(status, headers, ""));
    if (!headers.has(ID.upgrade)) headers.set(ID.upgrade, this.#request.upgrade);
    return this.#write(responseText(101, headers, "connection: upgrade\r\n"));
  }

  head(status: number, headers: HeaderTable, body: BodyKind): number {
    const { version } = this.#request;
    const open = body === "chunked" || body === "untilClose";
    this.#chunked = open && version === 11;
    // It may have begun to drain since the request came.
    if (this.#client.lastRequest) this.keepAlive = false;
    if (open && version === 10) this.keepAlive = false;
    let tail = "";
    if (this.#chunked) tail = "transfer-encoding: chunked\r\n";
    else if (body === "none" && this.#lacksLength(status, headers)) tail = "content-length: 0\r\n";
    if (!this.keepAlive) tail = `connection: close\r\n${tail}`;
    else if (version === 10) tail = `connection: keep-alive\r\n${tail}`;
    // Whoever does not speak HTTP/1.0 does not answer in it.
    const spoken = this.#client.hcm.config.acceptHttp10 ? version : 11;
    return this.#write(responseText(status, headers, tail, spoken));
  }

  data(bytes: Buffer, start: number, end: number): void {
    const writer = this.#writer;
    if (this.#chunked) writer?.text(chunkHead(end - start));
    writer?.bytes(bytes, start, end);
    if (this.#chunked) writer?.text("\r\n");
  }

  end(): void {
    if (this.#chunked) this.#writer?.text(LAST_CHUNK);
  }

  trailers(headers: HeaderTable): void {
    if (!this.#chunked) return;
    const kept = this.#client.hcm.config.http1.enableTrailers;
    this.#writer?.text(kept ? `${LAST_CHUNK_SIZE}${headers.write()}\r\n` : LAST_CHUNK);
  }

  tunnel(bytes: Buffer, start: number, end: number): void {
    this.#writer?.bytes(bytes, start, end);
  }

  /** A response without body that does not say so is read until the connection ends. */
  #lacksLength(status: number, headers: HeaderTable): boolean {
    if (headers.has(ID["content-length"]) || this.#request.method === "HEAD") return false;
    return status >= 200 && status !== 204 && status !== 304;
  }

  #write(text: string): number {
    this.#writer?.text(text);
    return text.length;
  }
}
