// hot path: no allocation per request
import { HeaderTable } from "../../codec/http/header-table.ts";
import { asksForTunnel, type RequestMessage } from "../../codec/http/message.ts";
import type { Attempt } from "../attempt.ts";
import type { Downstream } from "../downstream.ts";
import type { GrpcWeb } from "../grpc/grpc-web.ts";
import { Mirrors } from "../mirror/mirrors.ts";
import type { RequestHead } from "../route/request-head.ts";
import type { Routing } from "../route/routing.ts";
import type { RetryState } from "./retry-state.ts";

const NO_TRAILERS = new HeaderTable();

/** More is not kept for another attempt (Envoy's per_connection_buffer_limit_bytes). */
const REPLAY_BYTES_MAX = 1024 * 1024;
/** A body that waits for its connection is read no further than this. */
const WAITING_BYTES_MAX = 64 * 1024;
/** Small pieces are gathered: a byte must not cost a buffer. */
const PIECE_BYTES = 16 * 1024;
const PIECE_BYTES_AT_FIRST = 1024;
const NO_BYTES: Buffer = Buffer.alloc(0);

/** A body that has not gone anywhere yet. */
export interface HeldBody {
  /** The last byte has arrived. */
  readonly complete: boolean;
  /** Bytes that are held. */
  readonly length: number;
  /** All that has come is held: it can be sent again. */
  readonly whole: boolean;
  /** Waits for that many bytes, where the usual bound is lower. */
  holdUpTo(bytes: number): void;
  /** A copy of at most that many bytes. */
  copy(bytesMax: number): Buffer;
}

/**
 * A request's body on its way: straight to the attempt that has a connection, and kept as long as
 * another attempt may need it.
 */
export class RequestStream implements HeldBody {
  /** The last byte has arrived. */
  complete = false;
  whole = true;
  readonly #down: Downstream;
  readonly #retry: RetryState;
  readonly #web: GrpcWeb;
  /** Full, but for the last one. */
  readonly #pieces: Buffer[] = [];
  #last = NO_BYTES;
  /** Bytes in the last one. */
  #filled = 0;
  #bytes = 0;
  #waitingMax = WAITING_BYTES_MAX;
  #paused = false;
  /** Somebody has said so since it was last sent from the beginning. */
  #blocked = false;
  /** Made for the first ones: most requests have none. */
  #trailers = NO_TRAILERS;
  #hasTrailers = false;
  /** Made for the first request that is mirrored. */
  #mirrors: Mirrors | undefined;

  constructor(down: Downstream, retry: RetryState, web: GrpcWeb) {
    this.#down = down;
    this.#retry = retry;
    this.#web = web;
  }

  get length(): number {
    return this.#bytes;
  }

  begin(complete: boolean): void {
    this.forget();
    this.#waitingMax = WAITING_BYTES_MAX;
    this.complete = complete;
    this.whole = true;
    this.#hasTrailers = false;
    this.#paused = false;
  }

  /** More of the body has come. False where it cannot be understood. */
  take(attempt: Attempt, bytes: Buffer, start: number, end: number): boolean {
    if (!this.#web.decodes) {
      this.#data(attempt, bytes, start, end);
      return true;
    }
    const decoded = this.#web.decode(bytes, start, end);
    if (decoded === undefined) return false;
    if (decoded.length > 0) this.#data(attempt, decoded, 0, decoded.length);
    return true;
  }

  #data(attempt: Attempt, bytes: Buffer, start: number, end: number): void {
    const { sending } = attempt;
    this.#mirrors?.sendData(bytes, start, end);
    if (this.#retry.enabled || !sending) this.#keep(bytes, start, end);
    if (this.#bytes > REPLAY_BYTES_MAX && this.#retry.enabled) this.#retry.giveUp();
    if (sending) {
      if (!this.#retry.enabled) this.#letGo();
      attempt.sendData(bytes, start, end);
    } else if (this.#bytes > this.#waitingMax) {
      this.pause();
    }
  }

  holdUpTo(bytes: number): void {
    this.#waitingMax = Math.max(this.#waitingMax, bytes);
  }

  copy(bytesMax: number): Buffer {
    const copied = Buffer.alloc(Math.min(bytesMax, this.#bytes));
    let at = 0;
    for (let i = 0; i < this.#pieces.length && at < copied.length; i++) {
      const piece = this.#pieces[i] as Buffer;
      at += piece.copy(copied, at, 0, this.#lengthOf(piece));
    }
    return copied;
  }

  /** Copies: a connection has one table for all trailers, and these may wait, or be sent again. */
  takeTrailers(trailers: HeaderTable): void {
    if (this.#trailers === NO_TRAILERS) this.#trailers = new HeaderTable();
    this.#trailers.copy(trailers);
    this.#hasTrailers = true;
  }

  /** The attempt has sent the head: what has come so far follows, and may be too much for it. */
  replay(attempt: Attempt): void {
    this.#blocked = false;
    for (let i = 0; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i] as Buffer;
      attempt.sendData(piece, 0, this.#lengthOf(piece));
    }
    if (!this.#retry.enabled && this.#bytes > 0) this.#letGo();
    if (this.complete) this.sendEnd(attempt);
    if (!this.#blocked) this.resume();
  }

  #lengthOf(piece: Buffer): number {
    return piece === this.#last ? this.#filled : piece.length;
  }

  sendEnd(attempt: Attempt): void {
    if (this.#hasTrailers) attempt.sendTrailers(this.#trailers);
    else attempt.sendEnd();
  }

  /** The first attempt begins: copies of the request go where its route says, if it does. */
  mirror(request: RequestHead, message: RequestMessage, { forward }: Routing): void {
    if (forward === undefined || forward.mirrors.length === 0 || asksForTunnel(message)) return;
    this.#mirrors ??= new Mirrors(this.#down, message);
    this.#mirrors.start(request, forward);
    for (let i = 0; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i] as Buffer;
      this.#mirrors.sendData(piece, 0, this.#lengthOf(piece));
    }
    if (this.complete) this.#endMirrors();
  }

  /** The last byte has arrived. */
  finish(): void {
    this.complete = true;
    this.#endMirrors();
  }

  #endMirrors(): void {
    this.#mirrors?.end(this.#hasTrailers ? this.#trailers : undefined);
  }

  pause(): void {
    this.#paused = true;
    this.#blocked = true;
    this.#down.pauseReading();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#down.resumeReading();
  }

  /** Nothing is sent any more: what was held is let go. */
  end(): void {
    this.#mirrors?.abort();
    this.forget();
    this.resume();
  }

  /** An answer counts: nothing is sent again. */
  settle(): void {
    if (this.#bytes > 0) this.#letGo();
  }

  /** What has been sent is not kept. */
  #letGo(): void {
    this.whole = false;
    this.forget();
  }

  forget(): void {
    if (this.#bytes === 0) return;
    this.#pieces.length = 0;
    this.#last = NO_BYTES;
    this.#filled = 0;
    this.#bytes = 0;
  }

  /** Copies, because what was read may share memory with what is read next. */
  #keep(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#filled === this.#last.length) this.#append(end - at);
      const copied = bytes.copy(this.#last, this.#filled, at, end);
      this.#filled += copied;
      at += copied;
    }
    this.#bytes += end - start;
  }

  /** A body that has been short so far may be at its end: pieces grow with it. */
  #append(wanted: number): void {
    const gathered = Math.min(PIECE_BYTES, Math.max(PIECE_BYTES_AT_FIRST, this.#bytes));
    const size = this.#bytes === 0 ? wanted : Math.max(wanted, gathered);
    this.#last = Buffer.allocUnsafe(size);
    this.#filled = 0;
    this.#pieces.push(this.#last);
  }
}
