import type { ErrorCode } from "./error-code.ts";
import type { Output } from "./output.ts";
import type { SessionOwner, StreamOwner } from "./owner.ts";
import type { LocalSettings } from "./settings.ts";
import { Stream } from "./stream.ts";

export type Role = "server" | "client";

/** One HTTP/2 connection (RFC 9113), bytes in and bytes out: it never touches a socket. */
export class Session {
  constructor(_role: Role, _settings: LocalSettings, _owner: SessionOwner, _output: Output) {}

  /** Writes the preface and SETTINGS: first of all, in either role. */
  start(): void {}

  /** Takes what came; any cut of the bytes gives the same events. */
  read(_bytes: Buffer, _start: number, _end: number): void {}

  /** Client, where `canOpen`: a stream for the next request; its id comes with the head. */
  openStream(_owner: StreamOwner): Stream {
    return new Stream(this);
  }

  /** Streams of either side that are not closed. */
  get openStreams(): number {
    return 0;
  }

  /** Client: the peer's MAX_CONCURRENT_STREAMS allows one more, no GOAWAY, ids are left. */
  get canOpen(): boolean {
    return true;
  }

  /** Client: the peer understands extended CONNECT (RFC 8441); known from `onPeerSettings` on. */
  get extendedConnect(): boolean {
    return false;
  }

  /** Asks whether the peer lives: `onPong`. */
  ping(): void {}

  /** No further streams are taken; those that were go on, unless the code is an error. */
  goAway(_code: ErrorCode): void {}

  /** Graceful: GOAWAY that still takes what is under way, and the real one a round trip later. */
  drain(): void {}

  /** Writes queued DATA as long as `output` takes some; called when the socket has drained. */
  pump(): void {}

  /** The socket has ended: every stream is reset with CONNECTION_LOST; nothing is written. */
  disconnect(): void {}
}
