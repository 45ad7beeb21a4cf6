import type { HeaderTable } from "./header-table.ts";

/**
 * How a message's end is known. HTTP/1.1 (RFC 9112 section 6.3) has all four; an HTTP/2 message
 * with a body is `length` where it says how long it is, else `chunked`: of unknown length.
 */
export type BodyKind = "none" | "length" | "chunked" | "untilClose";

/** `origin` `/a?b`, `absolute` `http://h/a`, `authority` `h:443` (CONNECT), `asterisk` `*`. */
export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

/** HTTP's versions, times ten. */
export type HttpVersion = 10 | 11 | 20;

/** A request's head, whichever codec it came through. Owned by a stream, and used again. */
export interface RequestMessage {
  readonly headers: HeaderTable;
  readonly method: string;
  readonly version: HttpVersion;
  readonly form: TargetForm;
  /** Path and query as sent; `*` for asterisk-form, empty for CONNECT. */
  readonly path: string;
  readonly authority: string;
  /** `http` or `https` where the request says so (absolute-form, `:scheme`), else empty. */
  readonly scheme: string;
  readonly body: BodyKind;
  /** -1 where there is no Content-Length. */
  readonly contentLength: number;
  /** Whether the client wants the connection to live on. */
  readonly keepAlive: boolean;
  /**
   * The protocol asked for instead of HTTP, in lower case: a confirmed `Upgrade` (RFC 9110 section
   * 7.8), or `:protocol` of an extended CONNECT (RFC 8441), whose method reads GET here; else
   * empty.
   */
  readonly upgrade: string;
  readonly expectsContinue: boolean;
}

/** Whether a request asks for bytes of another protocol instead of a response's. */
export function asksForTunnel({ method, upgrade }: RequestMessage): boolean {
  return upgrade !== "" || method === "CONNECT";
}

/** A response's head, whichever codec it came through. */
export interface ResponseMessage {
  readonly headers: HeaderTable;
  /** 101 confirms an upgrade, also where HTTP/2 answered an extended CONNECT with 2xx. */
  readonly status: number;
  readonly version: HttpVersion;
  readonly body: BodyKind;
  /** -1 where there is no Content-Length. */
  readonly contentLength: number;
}
