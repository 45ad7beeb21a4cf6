// hot path: no allocation per request
import { isAuthority, isAuthorityWithPort } from "../http/grammar/authority.ts";
import { byteAt, TARGET, TOKEN_LOWER } from "../http/grammar/character.ts";
import { ID } from "../http/header-name.ts";
import { HeaderTable } from "../http/header-table.ts";
import type { BodyKind, HttpVersion, RequestMessage, TargetForm } from "../http/message.ts";
import {
  type FieldBlock,
  SEEN_AUTHORITY,
  SEEN_METHOD,
  SEEN_PATH,
  SEEN_PROTOCOL,
  SEEN_SCHEME,
} from "./receive/field-block.ts";

const SLASH = 0x2f;

/** The head of a request that came as a header block (RFC 9113 section 8.3.1). */
export class Http2Request implements RequestMessage {
  /** `host` is among them, whether it came as such or as `:authority`: the last of them. */
  readonly headers: HeaderTable = new HeaderTable();
  /** What a stream stands for may be older. */
  version: HttpVersion = 20;
  /** In HTTP/2 no message ends the connection. */
  readonly keepAlive = true;
  method = "";
  form: TargetForm = "origin";
  path = "";
  authority = "";
  scheme = "";
  body: BodyKind = "none";
  contentLength = -1;
  upgrade = "";
  expectsContinue = false;

  /** Takes a decoded block over, its fields being in `headers`. False where it is malformed. */
  take(block: FieldBlock, endStream: boolean, extendedConnect: boolean): boolean {
    this.method = block.method;
    this.upgrade = "";
    this.contentLength = block.contentLength;
    if (!this.#takeAuthority(block)) return false;
    const seen = block.seen & ~SEEN_AUTHORITY;
    if (this.method === "CONNECT" && (block.seen & SEEN_METHOD) !== 0) {
      if (!this.#takeConnect(block, seen, extendedConnect)) return false;
    } else {
      if (seen !== (SEEN_METHOD | SEEN_SCHEME | SEEN_PATH) || !isToken(this.method)) return false;
      if (!this.#takeTarget(block)) return false;
      if (endStream) this.body = "none";
      else this.body = this.contentLength >= 0 ? "length" : "chunked";
    }
    const expect = this.headers.has(ID.expect) ? this.headers.get(ID.expect) : undefined;
    this.expectsContinue = expect !== undefined && expect.toLowerCase() === "100-continue";
    return true;
  }

  /** `:authority` and Host may not differ: who routes by which? */
  #takeAuthority(block: FieldBlock): boolean {
    const named = (block.seen & SEEN_AUTHORITY) !== 0;
    if (!named && !block.hasHost) return false;
    const authority = named ? block.authority : block.host;
    if (named && block.hasHost && !isSame(authority, block.host)) return false;
    this.authority = authority;
    this.headers.add(ID.host, "host", authority);
    return isAuthority(authority);
  }

  /** A tunnel has no content: no length either (RFC 9110 section 9.3.6). */
  #takeConnect(block: FieldBlock, seen: number, extendedConnect: boolean): boolean {
    this.body = "none";
    if (this.contentLength >= 0 || (block.seen & SEEN_AUTHORITY) === 0) return false;
    if ((seen & SEEN_PROTOCOL) !== 0) {
      if (!extendedConnect || !isToken(block.protocol)) return false;
      if (seen !== (SEEN_METHOD | SEEN_SCHEME | SEEN_PATH | SEEN_PROTOCOL)) return false;
      this.method = "GET";
      this.upgrade = block.protocol.toLowerCase();
      return this.#takeTarget(block);
    }
    this.form = "authority";
    this.path = "";
    this.scheme = "";
    return seen === SEEN_METHOD && isAuthorityWithPort(this.authority);
  }

  #takeTarget(block: FieldBlock): boolean {
    const { path, scheme } = block;
    this.scheme = scheme;
    this.path = path;
    if (scheme !== "http" && scheme !== "https") return false;
    if (path.charCodeAt(0) === SLASH) {
      this.form = "origin";
      return isTarget(path);
    }
    this.form = "asterisk";
    return path === "*" && this.method === "OPTIONS";
  }
}

function isSame(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}

function isTarget(path: string): boolean {
  for (let i = 1; i < path.length; i++) {
    if (TARGET[path.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

function isToken(text: string): boolean {
  if (text === "GET" || text === "POST") return true;
  for (let i = 0; i < text.length; i++) {
    if (byteAt(TOKEN_LOWER, text.charCodeAt(i) & 0xff) === 0) return false;
  }
  return text !== "";
}
