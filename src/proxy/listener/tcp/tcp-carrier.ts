// hot path: no allocation per request
import type { Socket } from "node:net";
import { NO_ERROR } from "../../../codec/h2/error-code.ts";
import type { SessionOwner, StreamOwner } from "../../../codec/h2/owner.ts";
import { Session } from "../../../codec/h2/session.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import type { SocketAddress } from "../../../model/address.ts";
import { CARRIED_TCP_SETTINGS } from "../../carry/protocol.ts";
import type { ProxyContext } from "../../cluster/upstream-cluster.ts";
import { Deadline, type DeadlineOwner } from "../../deadline.ts";
import { contained } from "../../faults.ts";
import type { DownstreamEnd, TunnelClient } from "../../tcp/tunnel-end.ts";
import { FrameWriter, type FrameWriterOwner } from "../../wire/frame-writer.ts";
import type { Accepted } from "../accepted.ts";
import type { ClientConnection, ConnectionOwner } from "../http/client-connection.ts";
import { AcceptedStream, type StreamsConnection } from "./accepted-stream.ts";

/** The peer lets go of it earlier, by its cluster's idle timeout. */
const IDLE_MS = 3_600_000;
/** So long a peer has to say that it has heard that it shall go elsewhere. */
const PATIENCE_MS = 5000;

export interface TcpCarrierOptions {
  readonly owner: ConnectionOwner;
  /** A TCP connection has come. */
  readonly open: (down: DownstreamEnd) => void;
}

/**
 * ```
 *   open -> draining -> closed      draining: takes no streams after those that are on their way
 *     |                   ^
 *     +-------------------+
 * ```
 */
type State = "open" | "draining" | "closed";

/** A connection on which another Outrigger sidecar carries TCP connections to a filter chain. */
export class TcpCarrier
  implements ClientConnection, SessionOwner, StreamsConnection, DeadlineOwner, FrameWriterOwner
{
  readonly client: TunnelClient;
  readonly originalDestination: SocketAddress | undefined;
  readonly #context: ProxyContext;
  readonly #options: TcpCarrierOptions;
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #session: Session;
  readonly #idle: Deadline;
  #state: State = "open";
  /** The peer said that it opens no further streams. */
  #peerDrains = false;

  constructor(accepted: Accepted, context: ProxyContext, options: TcpCarrierOptions) {
    this.client = accepted;
    this.originalDestination = accepted.originalDestination;
    this.#context = context;
    this.#options = options;
    accepted.readTo(contained(this as TcpCarrier, this.onData), true);
    this.#socket = accepted.socket;
    this.#writer = new FrameWriter(this.#socket, this);
    this.#session = new Session("server", CARRIED_TCP_SETTINGS, this, this.#writer);
    this.#idle = new Deadline(context.clock, this, "idle");
    this.#idle.set(context.clock.now(), IDLE_MS);
    this.#socket.on("end", contained(this as TcpCarrier, this.#end));
    this.#socket.on("error", ignore);
    this.#socket.on("close", contained(this as TcpCarrier, this.#onClose));
    this.#session.start();
  }

  onData(bytes: Buffer): void {
    if (this.#state !== "closed") this.#session.read(bytes, 0, bytes.length);
  }

  acceptStream(stream: Stream): StreamOwner {
    this.#idle.clear();
    return new AcceptedStream(this, stream);
  }

  onCarried(stream: AcceptedStream): void {
    this.#options.open(stream);
  }

  onStreamClosed(): void {
    if (this.#session.openStreams === 0) this.#rest();
  }

  /** Connections under way go on; the peer opens further ones elsewhere as soon as it knows. */
  drain(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.#session.drain();
    if (this.#session.openStreams === 0) this.#rest();
  }

  /** Its peer lets go of it: overload has no say in it. */
  onIdleTimeouts(): void {}

  destroy(): void {
    this.#socket.destroy();
  }

  onFault(error: unknown): void {
    this.#context.faults.report(error);
    this.#socket.destroy();
  }

  onDeadline(): void {
    if (this.#session.openStreams === 0) this.#close();
  }

  onOutput(): void {
    // The writer knows by itself.
  }

  onPeerSettings(): void {
    // A server opens no streams.
  }

  onGoAway(): void {
    this.#peerDrains = true;
    if (this.#state === "open") this.#state = "draining";
    if (this.#session.openStreams === 0) this.#rest();
  }

  onPong(): void {
    if (this.#state === "draining" && this.#session.openStreams === 0) this.#rest();
  }

  onSessionError(): void {
    this.#end();
  }

  onWritten(): void {
    // Counted by those who know what was written.
  }

  onWriteDrained(): void {
    this.#session.pump();
  }

  onWriteFlooded(): void {
    this.#socket.destroy();
  }

  /** No stream is open. */
  #rest(): void {
    const draining = this.#state === "draining";
    if (draining && (this.#peerDrains || this.#session.drained)) this.#close();
    else this.#idle.set(this.#context.clock.now(), draining ? PATIENCE_MS : IDLE_MS);
  }

  #close(): void {
    this.#session.goAway(NO_ERROR);
    this.#end();
  }

  #end(): void {
    this.#writer.flush();
    this.#socket.destroySoon();
  }

  #onClose(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#idle.dispose();
    this.#session.disconnect();
    this.#options.owner.onConnectionClosed(this);
  }
}

function ignore(): void {
  // An error is always followed by "close", which is acted upon.
}
