import type { HeaderTable } from "../http/header-table.ts";
import type { ErrorCode } from "./error-code.ts";
import type { Session } from "./session.ts";

/**
 * One request and its response. Pooled: nobody keeps it past `onStreamClosed`. What is sent on a
 * closed stream is dropped.
 */
export class Stream {
  /** 0 until the request is sent (client). */
  id = 0;
  protected readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  /** Bytes of DATA that wait for windows or for the socket. */
  get queuedBytes(): number {
    return 0;
  }

  /**
   * Client: the head. `protocol` other than "" makes it an extended CONNECT (RFC 8441), whatever
   * `method` says; a plain CONNECT has neither scheme nor path. Returns the bytes written.
   */
  sendRequest(
    _method: string,
    _scheme: string,
    _authority: string,
    _path: string,
    _protocol: string,
    _headers: HeaderTable,
    _endStream: boolean,
  ): number {
    return 0;
  }

  /** Server: a head, interim (1xx) or final. Returns the bytes written. */
  sendResponse(_status: number, _headers: HeaderTable, _endStream: boolean): number {
    return 0;
  }

  /** Written at once where windows and `output` allow it, else copied. */
  sendData(_bytes: Buffer, _start: number, _end: number): void {}

  /** Ends this side's half with trailers, behind all DATA. */
  sendTrailers(_headers: HeaderTable): void {}

  /** Ends this side's half, behind all DATA. */
  end(): void {}

  /** Ends both halves at once, dropping what waits; `onStreamClosed` comes before it returns. */
  reset(_code: ErrorCode): void {}

  /** The peer gets no further window: at most what it has still comes. */
  pause(): void {}

  resume(): void {}
}
