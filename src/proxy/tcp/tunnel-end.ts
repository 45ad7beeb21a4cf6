import type { SocketAddress } from "../../model/address.ts";
import type { FaultOwner } from "../faults.ts";

/**
 * One of the two ends that a tunnel joins: a TCP connection, or what stands for one. What is
 * written is copied or lent, so that its buffer may be read into again.
 */
export interface TunnelEnd {
  write(bytes: Buffer, start: number, end: number): void;
  /** Sends no more, once what was written is sent; still receives. */
  finish(): void;
  /** Receives no more than what is on its way. */
  pause(): void;
  resume(): void;
  /** Sends what was written, and closes; `onClosed` follows. */
  close(): void;
  /** Closes at once, and tells nobody. */
  destroy(): void;
}

/** Who joins ends: each says by itself of which it speaks. */
export interface TunnelEndOwner extends FaultOwner {
  /** They lie in a buffer that the next read overwrites. */
  onBytes(from: TunnelEnd, bytes: Buffer, start: number, end: number): void;
  /** It takes bytes, but should not be given more before `onDrained`. */
  onBlocked(at: TunnelEnd): void;
  onDrained(at: TunnelEnd): void;
  /** The peer sends no more. */
  onEnded(from: TunnelEnd): void;
  /** Always the last. */
  onClosed(at: TunnelEnd, byPeer: boolean): void;
}

/** The client's end. Paused until the tunnel resumes it. */
export interface DownstreamEnd extends TunnelEnd {
  /** Where the client wanted to go before it was intercepted. */
  readonly originalDestination: SocketAddress | undefined;
  /** Begins to tell its owner. */
  begin(owner: TunnelEndOwner): void;
}
