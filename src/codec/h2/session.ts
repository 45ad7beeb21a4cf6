// hot path: no allocation per request
import { Connection, type Role, type StreamClock } from "./connection.ts";
import { type ErrorCode, NO_ERROR } from "./error-code.ts";
import { FrameReader } from "./frame/frame-reader.ts";
import { PREFACE } from "./frame/frame-type.ts";
import type { Output } from "./output.ts";
import type { SessionOwner, StreamOwner } from "./owner.ts";
import { PING_ALIVE, PING_DRAINED, Receiver } from "./receive/receiver.ts";
import { announced, type LocalSettings, WINDOW_AT_FIRST } from "./settings.ts";
import type { Stream } from "./stream.ts";

const LAST_STREAM_ID_OPEN = 0x7fff_ffff;
const STOPPED: StreamClock = { now: () => 0 };

/** One HTTP/2 connection (RFC 9113), bytes in and bytes out: it never touches a socket. */
export class Session {
  readonly #connection: Connection;
  readonly #receiver: Receiver;
  readonly #reader: FrameReader;

  /** Without a `clock` every reset before the answer counts as a premature one. */
  constructor(
    role: Role,
    settings: LocalSettings,
    owner: SessionOwner,
    output: Output,
    clock: StreamClock = STOPPED,
  ) {
    this.#connection = new Connection(role, settings, owner, output, clock);
    this.#receiver = new Receiver(this.#connection);
    this.#reader = new FrameReader(this.#receiver, role === "server");
  }

  /** Writes the preface and SETTINGS: first of all, in either role. */
  start(): void {
    const { role, settings, writer } = this.#connection;
    if (role === "client") writer.raw(PREFACE);
    writer.settings(announced(settings, role === "server"));
    const more = settings.initialConnectionWindowSize - WINDOW_AT_FIRST;
    if (more > 0) writer.windowUpdate(0, more);
  }

  /** Takes what came; any cut of the bytes gives the same events. */
  read(bytes: Buffer, start: number, end: number): void {
    if (!this.#connection.isOver) this.#reader.read(bytes, start, end);
  }

  /** Client, where `canOpen`: a stream for the next request; its id comes with the head. */
  openStream(owner: StreamOwner): Stream {
    return this.#connection.take(owner);
  }

  /**
   * The stream of a header block that the peer has begun and that is not whole, or 0: it can send
   * nothing but the block's rest.
   */
  get cutHead(): number {
    return this.#receiver.continued || this.#reader.cutHead;
  }

  /** Streams of either side that are not closed. */
  get openStreams(): number {
    return this.#connection.openStreams;
  }

  /** Client: the peer's MAX_CONCURRENT_STREAMS allows one more, no GOAWAY, ids are left. */
  get canOpen(): boolean {
    return this.#connection.canOpen;
  }

  /** Client: the peer understands extended CONNECT (RFC 8441); known from `onPeerSettings` on. */
  get extendedConnect(): boolean {
    return this.#receiver.peer.extendedConnect;
  }

  /** Server, after `drain`: the peer knows, and no stream is on its way. `onPong` tells of it. */
  get drained(): boolean {
    return this.#connection.drained;
  }

  /** Asks whether the peer lives: `onPong`. */
  ping(): void {
    if (!this.#connection.isOver) this.#connection.writer.ping(PING_ALIVE, 0);
  }

  /** No further streams are taken; those that were go on. */
  goAway(code: ErrorCode): void {
    this.#connection.goAway(code);
  }

  /** Graceful: GOAWAY that still takes what is under way, and the real one a round trip later. */
  drain(): void {
    const connection = this.#connection;
    if (connection.state !== "open") return;
    if (connection.role === "client") {
      connection.goAway(NO_ERROR);
      return;
    }
    connection.state = "draining";
    connection.writer.goAway(LAST_STREAM_ID_OPEN, NO_ERROR);
    connection.writer.ping(PING_DRAINED, 0);
  }

  /** Writes queued DATA as long as `output` takes some; called when the socket has drained. */
  pump(): void {
    if (!this.#connection.isOver) this.#connection.sender.pump();
  }

  /** An idle connection needs no streams for the next requests. */
  dropSpares(): void {
    this.#connection.dropSpares();
  }

  /** The socket has ended: every stream is reset with CONNECTION_LOST; nothing is written. */
  disconnect(): void {
    this.#connection.disconnect();
  }
}
