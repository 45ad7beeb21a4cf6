import type { HeaderTable } from "../http/header-table.ts";
import type { ErrorCode } from "./error-code.ts";
import type { Http2Request } from "./request.ts";
import type { Http2Response } from "./response.ts";
import type { Stream } from "./stream.ts";

/** What a session tells whoever has its connection. */
export interface SessionOwner {
  /** Server: the peer opens a stream. Undefined refuses it: REFUSED_STREAM, nothing was done. */
  acceptStream(stream: Stream): StreamOwner | undefined;
  /** Something was written: flush soon. Called once between two flushes of `output`. */
  onOutput(): void;
  /** The peer's SETTINGS have come; `canOpen` and `extendedConnect` may have changed. */
  onPeerSettings(): void;
  /**
   * The peer opens and accepts no further streams. Own streams above `lastStreamId` have been
   * reset with REFUSED_STREAM: they were surely not processed.
   */
  onGoAway(lastStreamId: number, code: ErrorCode): void;
  /** The last `ping()` is answered. */
  onPong(): void;
  /** A stream is over; forget it, as its object serves the next one. */
  onStreamClosed(stream: Stream): void;
  /** GOAWAY is written, all streams are reset: close the socket after flushing. */
  onSessionError(code: ErrorCode, details: string): void;
}

/**
 * What a stream tells whoever has it. Bytes lie in a buffer that the next read overwrites, header
 * tables until the next message: copy what you keep. After `onReset` nothing follows.
 */
export interface StreamOwner {
  /** Heads are decoded into it: a request where the session is a server, else a response. */
  readonly message: Http2Request | Http2Response;
  /** The head is whole. Client: also interim ones; `message.status` says so. */
  onHead(endStream: boolean): void;
  onData(bytes: Buffer, start: number, end: number): void;
  onTrailers(trailers: HeaderTable): void;
  /** The peer has said all: after head, data or trailers. */
  onEnd(): void;
  /** The stream is over before its end; the peer said so, or this side did for its fault. */
  onReset(code: ErrorCode, byPeer: boolean): void;
  /** More than 64 KiB wait to be sent: stop for now. */
  onBlocked(): void;
  /** Less than 16 KiB wait to be sent: go on. */
  onWritable(): void;
}
