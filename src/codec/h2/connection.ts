// hot path: no allocation per request
import {
  CONNECTION_LOST,
  ENHANCE_YOUR_CALM,
  type ErrorCode,
  REFUSED_STREAM,
} from "./error-code.ts";
import { FrameWriter } from "./frame/frame-writer.ts";
import type { Output } from "./output.ts";
import type { SessionOwner, StreamOwner } from "./owner.ts";
import { ClosedStreams, type Ending } from "./receive/closed-streams.ts";
import { FLOOD, FloodGuard, PREMATURE_MS } from "./receive/flood-guard.ts";
import { ReceiveWindow } from "./receive/receive-window.ts";
import { HeadWriter } from "./send/head-writer.ts";
import { Sender } from "./send/sender.ts";
import { type LocalSettings, WINDOW_AT_FIRST } from "./settings.ts";
import { Stream, type StreamHost } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

export type Role = "server" | "client";

/** Streams kept for the next requests of this connection. */
const SPARES_MAX = 256;
/** What a client opens before it knows the peer's MAX_CONCURRENT_STREAMS. */
const CONCURRENT_AT_FIRST = 100;
const ID_MAX = 0x7fff_ffff;

/** Milliseconds since an arbitrary moment: how long streams have lived. */
export interface StreamClock {
  now(): number;
}

/**
 * ```
 *   "open" -- GOAWAY, either way --> "draining" -- an error, or the socket's end --> "over"
 * ```
 */
export type ConnectionState = "open" | "draining" | "over";

/** What all parts of a session share: its streams, its writers, and how it ends. */
export class Connection implements StreamHost {
  readonly role: Role;
  readonly settings: LocalSettings;
  readonly owner: SessionOwner;
  readonly writer: FrameWriter;
  readonly sender: Sender;
  readonly heads: HeadWriter;
  readonly receiveWindow: ReceiveWindow;
  readonly guard: FloodGuard = new FloodGuard();
  readonly streams: StreamTable = new StreamTable();
  readonly closedStreams: ClosedStreams = new ClosedStreams();
  state: ConnectionState = "open";
  /** Server: the peer has heard that this side drains, so no stream is on its way any more. */
  drained = false;
  /** The peer holds to our INITIAL_WINDOW_SIZE only when it has acknowledged it. */
  streamWindow: number;
  /** Server: the highest id that the peer has used. */
  peerId = 0;
  /** Server: streams above are not taken: what our GOAWAY said. */
  peerIdMax: number = ID_MAX;
  /** Client: the id of the next request. */
  nextId = 1;
  /** Client: the peer's MAX_CONCURRENT_STREAMS, or our own where that is less. */
  concurrentMax: number;
  /** Client: given out, but without an id so far. */
  #idle = 0;
  readonly #spares: Stream[] = [];

  readonly #clock: StreamClock;
  /** What the peer carries is other connections, and those may be closed at any time. */
  readonly #trusts: boolean;

  constructor(
    role: Role,
    settings: LocalSettings,
    owner: SessionOwner,
    output: Output,
    clock: StreamClock,
  ) {
    this.#clock = clock;
    this.#trusts = settings.verbatim === true;
    this.role = role;
    this.settings = settings;
    this.owner = owner;
    this.writer = new FrameWriter(output, owner);
    this.sender = new Sender(this.writer);
    this.receiveWindow = new ReceiveWindow(settings, this.writer);
    this.heads = new HeadWriter(this.writer, settings.verbatim === true);
    this.concurrentMax = Math.min(CONCURRENT_AT_FIRST, settings.maxConcurrentStreams);
    this.streamWindow = Math.max(WINDOW_AT_FIRST, settings.initialStreamWindowSize);
  }

  get openStreams(): number {
    return this.streams.count + this.#idle;
  }

  get canOpen(): boolean {
    return this.state === "open" && this.openStreams < this.concurrentMax && this.nextId <= ID_MAX;
  }

  get isOver(): boolean {
    return this.state === "over";
  }

  dropSpares(): void {
    this.#spares.length = 0;
  }

  /** Client: a stream without an id. */
  take(owner: StreamOwner): Stream {
    this.#idle++;
    const stream = this.#spares.pop() ?? new Stream(this);
    stream.assign(owner);
    return stream;
  }

  open(stream: Stream): boolean {
    if (this.state !== "open" || this.nextId > ID_MAX) return false;
    this.#idle--;
    stream.id = this.nextId;
    this.nextId += 2;
    this.guard.streams++;
    this.streams.add(stream);
    return true;
  }

  /** Server: the peer opens a stream; undefined where it is refused. */
  accept(id: number): Stream | undefined {
    this.guard.streams++;
    if (this.streams.count >= this.settings.maxConcurrentStreams) return this.#refuse(id);
    const stream = this.#spares.pop() ?? new Stream(this);
    stream.accept(id, this.#clock.now());
    this.streams.add(stream);
    const owner = this.owner.acceptStream(stream);
    if (owner === undefined) {
      this.#release(stream);
      return this.#refuse(id);
    }
    stream.owner = owner;
    return stream;
  }

  close(stream: Stream, ending: Ending): void {
    if (stream.id !== 0) this.closedStreams.add(stream.id, ending);
    // It counts no more when its owner is told, who may open another at once.
    this.#uncount(stream);
    this.owner.onStreamClosed(stream);
    this.#recycle(stream);
  }

  hold(bytes: number): void {
    this.receiveWindow.hold(bytes);
  }

  release(bytes: number): void {
    if (!this.isOver) this.receiveWindow.release(bytes);
  }

  /** Whether the peer may not yet have used that id: nothing but HEADERS can come for it. */
  isIdle(id: number): boolean {
    if ((id & 1) === 0) return true;
    return this.role === "server" ? id > this.peerId : id >= this.nextId;
  }

  /** Resets a stream for a fault of the peer. False where there were too many. */
  reject(stream: Stream, code: ErrorCode): boolean {
    stream.fail(code);
    return this.provokedReset();
  }

  /** As `reject`, where the stream has ended before. */
  rejectClosed(id: number, code: ErrorCode): boolean {
    this.writer.reset(id, code);
    return this.provokedReset();
  }

  /** A fault of the peer made us reset a stream. */
  provokedReset(): boolean {
    if (this.role === "server" && !this.guard.prematureReset()) return this.failResets();
    return this.checkControlFrames();
  }

  /** The peer breaks off a stream. False where it does so too often. */
  resetByPeer(stream: Stream, code: ErrorCode): boolean {
    const premature =
      this.role === "server" &&
      !stream.headSent &&
      this.#clock.now() - stream.openedAt < PREMATURE_MS;
    stream.abort(code, true);
    return !premature || this.#trusts || this.guard.prematureReset() || this.failResets();
  }

  /** After frames that the peer has provoked. */
  checkControlFrames(): boolean {
    if (this.guard.controlFrames(this.writer.controlFrames)) return !this.isOver;
    return this.fail(ENHANCE_YOUR_CALM, FLOOD.controlFrames);
  }

  failResets(): false {
    return this.fail(ENHANCE_YOUR_CALM, FLOOD.resets);
  }

  /** The connection's end for a fault of the peer: GOAWAY, and every stream goes with it. */
  fail(code: ErrorCode, details: string): false {
    if (this.isOver) return false;
    this.writer.goAway(Math.min(this.peerId, this.peerIdMax), code);
    this.#end(code, false);
    this.owner.onSessionError(code, details);
    return false;
  }

  /** No further streams are taken; those that were go on. */
  goAway(code: ErrorCode): void {
    if (this.isOver) return;
    this.state = "draining";
    this.peerIdMax = Math.min(this.peerIdMax, this.peerId);
    this.writer.goAway(this.peerIdMax, code);
  }

  /** The socket has ended. */
  disconnect(): void {
    if (!this.isOver) this.#end(CONNECTION_LOST, true);
  }

  /** Every stream of a higher id comes to its end. */
  abortAbove(id: number, code: ErrorCode, byPeer: boolean): void {
    const { streams } = this;
    for (let place = 0; place < streams.places; place++) {
      // When a stream goes, another one can come into its place.
      for (let s = streams.at(place); s !== undefined && s.id > id; s = streams.at(place)) {
        s.abort(code, byPeer);
      }
    }
    // An owner may have closed others meanwhile, and so have moved some past.
    for (let s = streams.above(id); s !== undefined; s = streams.above(id)) s.abort(code, byPeer);
  }

  #end(code: ErrorCode, byPeer: boolean): void {
    this.state = "over";
    this.abortAbove(0, code, byPeer);
  }

  #refuse(id: number): undefined {
    this.writer.reset(id, REFUSED_STREAM);
    this.closedStreams.add(id, "reset");
  }

  #release(stream: Stream): void {
    this.#uncount(stream);
    this.#recycle(stream);
  }

  #uncount({ id }: Stream): void {
    if (id === 0) this.#idle--;
    else this.streams.remove(id);
  }

  #recycle(stream: Stream): void {
    stream.clear();
    if (this.#spares.length < SPARES_MAX) this.#spares.push(stream);
  }
}
