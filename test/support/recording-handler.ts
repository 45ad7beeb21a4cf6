import type { ResetReason, StreamHandler } from "../../src/proxy/upstream/stream-handler.ts";
import type { UpstreamStream } from "../../src/proxy/upstream/upstream-stream.ts";

/** Waits for a connection as an attempt does, and keeps what it is told. */
export class RecordingHandler implements StreamHandler {
  readonly told: string[] = [];
  stream: UpstreamStream | undefined;
  /** Called after each thing that it is told. */
  onTold: () => void = () => undefined;

  onConnection(stream: UpstreamStream): void {
    this.stream = stream;
    this.#note("connection");
  }

  onNoConnection(reason: ResetReason, detail: string): void {
    this.#note(`no connection: ${reason}${detail === "" ? "" : ` (${detail})`}`);
  }

  onResponseHead(): void {
    this.#note("head");
  }

  onResponseData(): void {
    this.#note("data");
  }

  onResponseTrailers(): void {
    this.#note("trailers");
  }

  onResponseEnd(): void {
    this.#note("end");
  }

  onTunnelData(): void {
    this.#note("tunnel data");
  }

  onTunnelEnd(): void {
    this.#note("tunnel end");
  }

  onReset(reason: ResetReason): void {
    this.#note(`reset: ${reason}`);
  }

  onUpstreamBlocked(): void {
    this.#note("blocked");
  }

  onUpstreamDrained(): void {
    this.#note("drained");
  }

  onFault(error: unknown): void {
    this.#note(`fault: ${String(error)}`);
  }

  #note(what: string): void {
    this.told.push(what);
    this.onTold();
  }
}
