// hot path: no allocation per request
import type { Stream } from "../../../codec/h2/stream.ts";
import { ID } from "../../../codec/http/header-name.ts";
import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { BodyKind } from "../../../codec/http/message.ts";
import type { ResponseEncoder } from "../../reply/response-encoder.ts";

const NO_HEADERS = new HeaderTable();

/** Writes responses on the streams of an HTTP/2 connection (RFC 9113 section 8.1). */
export class Http2ResponseEncoder implements ResponseEncoder {
  /** Streams end one by one, and the connection lives on. */
  keepAlive = true;
  /** The response is for a client of HTTP/1.1, whose sidecar carries the request. */
  carrying = false;
  #stream: Stream | undefined;
  #ended = false;

  /** The next response goes to this stream; undefined: what is written goes nowhere. */
  use(stream: Stream | undefined): void {
    this.#stream = stream;
    this.#ended = false;
  }

  begin(): void {
    this.keepAlive = true;
  }

  invite(): void {
    this.#stream?.sendResponse(100, NO_HEADERS, false);
  }

  interim(status: number, headers: HeaderTable): void {
    this.#stream?.sendResponse(status, headers, false);
  }

  /** RFC 8441 section 5: 200 says it, and the stream is the tunnel. */
  switchProtocols(status: number, headers: HeaderTable): number {
    headers.remove(ID.upgrade);
    if (!this.carrying) headers.removeName("sec-websocket-accept");
    return this.#stream?.sendResponse(status === 101 ? 200 : status, headers, false) ?? 0;
  }

  head(status: number, headers: HeaderTable, body: BodyKind): number {
    this.#ended = body === "none";
    return this.#stream?.sendResponse(status, headers, this.#ended) ?? 0;
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#stream?.sendData(bytes, start, end);
  }

  end(): void {
    if (!this.#ended) this.#stream?.end();
    this.#ended = true;
  }

  trailers(headers: HeaderTable): void {
    if (!this.#ended) this.#stream?.sendTrailers(headers);
    this.#ended = true;
  }

  tunnel(bytes: Buffer, start: number, end: number): void {
    this.#stream?.sendData(bytes, start, end);
  }
}
