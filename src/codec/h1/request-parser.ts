// hot path: no allocation per request

import { parseContentLength } from "../http/content-length.ts";
import { isAuthority, isAuthorityWithPort } from "../http/grammar/authority.ts";
import { ByteDictionary } from "../http/grammar/byte-dictionary.ts";
import { byteAt, SPACE, TARGET } from "../http/grammar/character.ts";
import { ID } from "../http/header-name.ts";
import type { BodyKind, HttpVersion, RequestMessage, TargetForm } from "../http/message.ts";
import { type ConnectionOptions, takeConnectionField } from "./connection-field.ts";
import { framingViolation } from "./framing.ts";
import { HeadParser } from "./head-parser.ts";

/** Methods that Envoy knows, case-sensitive; any other is refused as Envoy refuses it. */
const METHODS = (
  "  GET POST PUT DELETE HEAD OPTIONS PATCH CONNECT TRACE ACL BIND CHECKOUT COPY LINK LOCK MERGE " +
  "MKACTIVITY MKCALENDAR MKCOL MOVE MSEARCH M-SEARCH NOTIFY PROPFIND PROPPATCH PURGE REBIND " +
  "REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE"
)
  .slice(1)
  .split(" ");
const METHOD_BYTES_MAX = 16;
const VERSION = /^HTTP\/\d\.\d\r\n$/;
const PATH_START = /[/?]/;

const IDENTITY: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const methods = new ByteDictionary(METHODS, IDENTITY);
const versions = new ByteDictionary(["", "HTTP/1.1\r\n", "HTTP/1.0\r\n"], IDENTITY);

/**
 * The head of a request, judged as a whole once `state` is "complete" (RFC 9112 section 3).
 * `Connection` has been obeyed: the fields that it nominates are gone.
 */
export class RequestParser extends HeadParser implements RequestMessage {
  method = "";
  version: HttpVersion = 11;
  form: TargetForm = "origin";
  /** Path and query as sent; `*` for asterisk-form, empty for CONNECT. */
  path = "";
  /** Of the target where it names one, else of Host. */
  authority = "";
  /** `http` or `https` of an absolute-form target, else empty. */
  scheme = "";
  body: BodyKind = "none";
  /** -1 where there is no Content-Length. */
  contentLength = -1;
  /** Whether the client wants the connection to live on. */
  keepAlive = true;
  /** The value of `Upgrade` where `Connection` confirms it, in lower case, else empty. */
  upgrade = "";
  expectsContinue = false;
  readonly #connection: ConnectionOptions = { close: false, keepAlive: false, upgrade: false };
  #targetStart = 0;
  #targetEnd = 0;

  protected override startLine(bytes: Buffer, at: number, base: number): number {
    let i = at;
    while (i - at <= METHOD_BYTES_MAX && byteAt(bytes, i) > SPACE) i++;
    const method = byteAt(bytes, i) === SPACE ? methods.find(bytes, at, i) : 0;
    if (method === 0) return this.fail("badMethod");
    this.method = METHODS[method] as string;
    const target = i + 1;
    i = target;
    while (byteAt(TARGET, byteAt(bytes, i)) === 1) i++;
    if (i === target || byteAt(bytes, i) !== SPACE) return this.fail("badTarget");
    this.#targetStart = target - base;
    this.#targetEnd = i - base;
    const version = versions.find(bytes, i + 1, i + 11);
    if (version === 0) return this.#failVersion(bytes, i + 1);
    this.version = version === 1 ? 11 : 10;
    return i + 11;
  }

  protected override finish(text: string): void {
    const violation = framingViolation(this.headers, this.version);
    if (violation !== "none") {
      this.fail(violation);
      return;
    }
    this.#frame();
    if (!this.#readTarget(text.slice(this.#targetStart, this.#targetEnd))) return;
    if (!this.#readHost()) return;
    this.#readConnection();
  }

  #failVersion(bytes: Buffer, at: number): -1 {
    const line = bytes.toString("latin1", at, at + 10);
    const wellFormed = VERSION.test(line);
    return this.fail(wellFormed ? "unsupportedVersion" : "badVersion");
  }

  #frame(): void {
    const length = this.headers.get(ID["content-length"]);
    this.contentLength = length === undefined ? -1 : parseContentLength(length);
    if (this.contentLength > 0) this.body = "length";
    else this.body = this.headers.has(ID["transfer-encoding"]) ? "chunked" : "none";
  }

  #readTarget(target: string): boolean {
    this.scheme = "";
    this.authority = "";
    if (this.method === "CONNECT") return this.#readConnectTarget(target);
    if (target.charCodeAt(0) === 0x2f) {
      this.form = "origin";
      this.path = target;
      return true;
    }
    if (target === "*") {
      this.form = "asterisk";
      this.path = "*";
      return this.method === "OPTIONS" || this.fail("badTarget") !== -1;
    }
    return this.#readAbsoluteTarget(target);
  }

  #readConnectTarget(target: string): boolean {
    this.form = "authority";
    this.path = "";
    this.authority = target;
    return isAuthorityWithPort(target) || this.fail("badTarget") !== -1;
  }

  #readAbsoluteTarget(target: string): boolean {
    const colon = target.indexOf("://");
    const scheme = target.slice(0, Math.max(colon, 0)).toLowerCase();
    if (scheme !== "http" && scheme !== "https") return this.fail("badTarget") !== -1;
    const rest = target.slice(colon + 3);
    const end = rest.search(PATH_START);
    this.form = "absolute";
    this.scheme = scheme;
    this.authority = end < 0 ? rest : rest.slice(0, end);
    const path = end < 0 ? "" : rest.slice(end);
    this.path = path.charCodeAt(0) === 0x2f ? path : `/${path}`;
    // The last proxy asks for `*` (RFC 9112 section 3.2.4).
    if (path === "" && this.method === "OPTIONS") this.path = "*";
    return isAuthority(this.authority) || this.fail("badTarget") !== -1;
  }

  /** The target's authority wins over Host (RFC 9112 section 3.2.2), which must be there. */
  #readHost(): boolean {
    const index = this.headers.find(ID.host);
    if (index < 0) return this.fail("missingHost") !== -1;
    if (this.headers.find(ID.host, index + 1) >= 0) return this.fail("duplicateHost") !== -1;
    const host = this.headers.value(index);
    if (!isAuthority(host)) return this.fail("badHost") !== -1;
    if (this.authority === "") this.authority = host;
    return true;
  }

  #readConnection(): void {
    const options = this.#connection;
    options.close = false;
    options.keepAlive = false;
    options.upgrade = false;
    if (this.headers.has(ID.connection) && !takeConnectionField(this.headers, options)) {
      this.fail("badConnection");
      return;
    }
    this.keepAlive = !options.close && (this.version === 11 || options.keepAlive);
    this.#readUpgrade(options.upgrade);
    if (this.headers.has(ID.expect)) this.#readExpect();
    else this.expectsContinue = false;
  }

  /** A body beside an Upgrade, or CONNECT, would be read as the tunnel's bytes by somebody. */
  #readUpgrade(asked: boolean): void {
    this.upgrade = "";
    if (this.method === "CONNECT") {
      if (this.body !== "none") this.fail("badUpgrade");
      return;
    }
    if (!asked || this.version === 10) return;
    const value = this.headers.joined("upgrade")?.toLowerCase() ?? "";
    if (value === "" || value.startsWith("h2c")) return;
    if (this.body !== "none") this.fail("badUpgrade");
    else this.upgrade = value;
  }

  #readExpect(): void {
    const value = this.headers.joined("expect")?.toLowerCase() ?? "";
    if (value !== "100-continue") this.fail("badExpect");
    this.expectsContinue = this.version === 11;
  }
}
