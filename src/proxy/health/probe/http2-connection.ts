import type { SessionOwner, StreamOwner } from "../../../codec/h2/owner.ts";
import { Session } from "../../../codec/h2/session.ts";
import { DEFAULT_SETTINGS } from "../../../codec/h2/settings.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import type { Host } from "../../cluster/host.ts";
import { OFFER_HTTP2, Transport, type TransportOwner } from "../../upstream/transport.ts";
import { FrameWriter, type FrameWriterOwner } from "../../wire/frame-writer.ts";
import { checkedAddress } from "./probe.ts";

/** Whom a connection tells what becomes of it. */
export interface Http2ConnectionOwner {
  /** Streams can be opened. */
  onProbeOpen(): void;
  /** It is gone; its stream, if there was one, has been told before. */
  onProbeClosed(): void;
}

/**
 * ```
 *   connecting -> open -> closed
 *        +------------------^
 * ```
 */
type State = "connecting" | "open" | "closed";

/**
 * An HTTP/2 connection to a host for health checks alone: no limit holds it, no statistic counts
 * it, as in Envoy.
 */
export class Http2Connection implements SessionOwner, TransportOwner, FrameWriterOwner {
  readonly #host: Host;
  readonly #owner: Http2ConnectionOwner;
  readonly #transport: Transport;
  readonly #writer: FrameWriter;
  readonly #session: Session;
  #state: State = "connecting";

  constructor(host: Host, owner: Http2ConnectionOwner) {
    this.#host = host;
    this.#owner = owner;
    this.#transport = new Transport(host, this, OFFER_HTTP2, checkedAddress(host));
    this.#writer = new FrameWriter(this.#transport.socket, this);
    this.#session = new Session("client", DEFAULT_SETTINGS, this, this.#writer);
  }

  /** False while it connects, and once the host wants no more streams on it. */
  get usable(): boolean {
    return this.#state === "open" && this.#session.canOpen;
  }

  get connecting(): boolean {
    return this.#state === "connecting";
  }

  /** Where `usable`. */
  openStream(owner: StreamOwner): Stream {
    return this.#session.openStream(owner);
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#writer.flush();
    this.#session.disconnect();
    this.#transport.socket.destroySoon();
    this.#owner.onProbeClosed();
  }

  onOpen(): void {
    if (this.#state !== "connecting") return;
    this.#state = "open";
    this.#session.start();
    this.#owner.onProbeOpen();
  }

  onBytes(bytes: Buffer): void {
    if (this.#state === "open") this.#session.read(bytes, 0, bytes.length);
  }

  onWriteDrained(): void {
    this.#session.pump();
  }

  onDrain(): void {
    // The writer waits for its own writes.
  }

  onOutput(): void {
    // The writer knows by itself.
  }

  onWritten(): void {
    // Nobody counts it.
  }

  onWriteFlooded(): void {
    this.close();
  }

  onEnd(): void {
    this.close();
  }

  onError(): void {
    this.close();
  }

  onClose(): void {
    this.close();
  }

  onSessionError(): void {
    this.close();
  }

  /** A client takes no streams: servers do not push. */
  acceptStream(): undefined {
    return undefined;
  }

  onPeerSettings(): void {
    // One stream at a time is always allowed.
  }

  onGoAway(): void {
    // A check that is under way may finish; the next one opens another connection.
  }

  onPong(): void {
    // No PING is sent: the checks say whether the host lives.
  }

  onStreamClosed(): void {
    // The check itself has been told.
  }

  onFault(error: unknown): void {
    this.#host.cluster.context.faults.report(error);
    this.close();
  }
}
