// hot path: no allocation per request
import { CANCEL, type ErrorCode } from "../../codec/h2/error-code.ts";
import type { StreamOwner } from "../../codec/h2/owner.ts";
import type { Http2Request } from "../../codec/h2/request.ts";
import type { Http2Response } from "../../codec/h2/response.ts";
import type { Stream } from "../../codec/h2/stream.ts";
import type { Closing, TunnelEnd, TunnelEndOwner } from "../tcp/tunnel-end.ts";

/**
 * ```
 *   open -> closed         both sides have said all, or one has broken it off
 *     |        ^
 *     +-> left +           closed for its owner, which the peer learns when it sends more
 * ```
 */
type State = "open" | "left" | "closed";

/** An HTTP/2 stream that carries a TCP connection, as the end of a tunnel. */
export abstract class StreamEnd implements TunnelEnd, StreamOwner {
  abstract readonly message: Http2Request | Http2Response;
  protected stream: Stream | undefined;
  protected owner: TunnelEndOwner | undefined;
  #state: State = "open";
  #finished = false;
  #ended = false;

  abstract onHead(endStream: boolean): void;

  /** This side's mistakes cost the stream, not those beside it. */
  abstract onFault(error: unknown): void;

  get closed(): boolean {
    return this.#state === "closed";
  }

  write(bytes: Buffer, start: number, end: number): void {
    this.stream?.sendData(bytes, start, end);
  }

  finish(): void {
    if (this.#state !== "open" || this.#finished) return;
    this.#finished = true;
    this.stream?.end();
    if (this.#ended) this.#close("local");
  }

  pause(): void {
    this.stream?.pause();
  }

  resume(): void {
    this.stream?.resume();
  }

  close(): void {
    this.finish();
    if (this.#state !== "open") return;
    this.#state = "left";
    this.#tellClosed("local");
  }

  destroy(): void {
    this.owner = undefined;
    this.#breakOff();
  }

  reset(): void {
    this.destroy();
  }

  onData(bytes: Buffer, start: number, end: number): void {
    // As a socket that was closed answers with RST.
    if (this.#state === "left") this.#breakOff();
    try {
      this.owner?.onBytes(this, bytes, start, end);
    } catch (error) {
      this.onFault(error);
    }
  }

  onTrailers(): void {
    // TCP has none.
  }

  onEnd(): void {
    this.#ended = true;
    try {
      this.owner?.onEnded(this);
    } catch (error) {
      this.onFault(error);
    }
    if (this.#finished) this.#close("remote");
  }

  onReset(_code: ErrorCode, _byPeer: boolean): void {
    this.stream = undefined;
    this.#close("reset");
  }

  onBlocked(): void {
    this.owner?.onBlocked(this);
  }

  onWritable(): void {
    this.owner?.onDrained(this);
  }

  /** As if the peer had broken it off. */
  protected refuse(): void {
    this.#breakOff();
    this.#tellClosed("reset");
  }

  #breakOff(): void {
    const { stream } = this;
    this.stream = undefined;
    this.#state = "closed";
    stream?.reset(CANCEL);
  }

  #close(how: Closing): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.stream = undefined;
    this.#tellClosed(how);
  }

  #tellClosed(how: Closing): void {
    const { owner } = this;
    this.owner = undefined;
    try {
      owner?.onClosed(this, how);
    } catch (error) {
      this.onFault(error);
    }
  }
}
