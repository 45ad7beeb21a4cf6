// hot path: no allocation per request

import { parseContentLength } from "../http/content-length.ts";
import { byteAt, FIELD_VALUE, isDigit, SPACE } from "../http/grammar/character.ts";
import { ID } from "../http/header-name.ts";
import type { BodyKind, HttpVersion, ResponseMessage } from "../http/message.ts";
import { type ConnectionOptions, takeConnectionField } from "./connection-field.ts";
import { framingViolation } from "./framing.ts";
import { HeadParser } from "./head-parser.ts";

const STATUS_LINE = "HTTP/1.";

/** The head of a response (RFC 9112 section 4). `expect` first: the request decides its body. */
export class ResponseParser extends HeadParser implements ResponseMessage {
  status = 0;
  version: HttpVersion = 11;
  body: BodyKind = "none";
  /** -1 where there is no Content-Length. */
  contentLength = -1;
  /** Whether the upstream lets the connection live on. */
  keepAlive = true;
  /** It is a 2xx to CONNECT. */
  beginsTunnel = false;
  /** `Connection` confirms an Upgrade. */
  upgrade = false;
  #method = "";
  readonly #connection: ConnectionOptions = { close: false, keepAlive: false, upgrade: false };

  /** The method of the request that the next response answers. */
  expect(method: string): void {
    this.#method = method;
  }

  protected override startLine(bytes: Buffer, at: number): number {
    for (let i = 0; i < STATUS_LINE.length; i++) {
      if (byteAt(bytes, at + i) !== STATUS_LINE.charCodeAt(i)) return this.fail("badStatusLine");
    }
    const minor = byteAt(bytes, at + 7);
    if (minor !== 0x31 && minor !== 0x30) return this.fail("badStatusLine");
    if (byteAt(bytes, at + 8) !== SPACE) return this.fail("badStatusLine");
    this.version = minor === 0x31 ? 11 : 10;
    let i = at + 9;
    let status = 0;
    for (; i < at + 12 && isDigit(byteAt(bytes, i)); i++) {
      status = status * 10 + byteAt(bytes, i) - 0x30;
    }
    if (status < 100 || status > 599) return this.fail("badStatusLine");
    this.status = status;
    // The space before an absent reason is left out by some servers (RFC 9112 section 4).
    if (byteAt(bytes, i) === SPACE) {
      while (byteAt(FIELD_VALUE, byteAt(bytes, i)) === 1) i++;
    }
    return this.lineEndsAt(bytes, i) ? i + 2 : this.fail("badStatusLine");
  }

  protected override finish(): void {
    const violation = framingViolation(this.headers, this.version);
    if (violation !== "none") {
      this.fail(violation);
      return;
    }
    this.#frame();
    const options = this.#connection;
    options.close = false;
    options.keepAlive = false;
    options.upgrade = false;
    if (this.headers.has(ID.connection)) takeConnectionField(this.headers, options);
    this.upgrade = options.upgrade;
    this.keepAlive = !options.close && (this.version === 11 || options.keepAlive);
    if (this.body === "untilClose") this.keepAlive = false;
  }

  #frame(): void {
    const length = this.headers.get(ID["content-length"]);
    this.contentLength = length === undefined ? -1 : parseContentLength(length);
    const bodiless = this.status < 200 || this.status === 204 || this.status === 304;
    // A tunnel follows (RFC 9110 section 9.3.6), whatever the head says of a length.
    this.beginsTunnel = this.#method === "CONNECT" && this.status >= 200 && this.status < 300;
    if (bodiless || this.beginsTunnel || this.#method === "HEAD") this.body = "none";
    else if (this.contentLength >= 0) this.body = this.contentLength > 0 ? "length" : "none";
    else this.body = this.headers.has(ID["transfer-encoding"]) ? "chunked" : "untilClose";
  }
}
