import type { Address, SocketAddress } from "../../model/address.ts";
import type { FaultOwner } from "../faults.ts";
import type { TlsInfo } from "../tls/tls-info.ts";

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
  /** As `destroy`, so that the peer knows that something has broken off. */
  reset(): void;
}

/** How an end has closed: by this side, by the peer, or by the peer's reset (RST). */
export type Closing = "local" | "remote" | "reset";

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
  onClosed(at: TunnelEnd, how: Closing): void;
}

/** Whose connection it is. */
export interface TunnelClient {
  /** Where it comes from: by its PROXY protocol header, else the connection's other end. */
  readonly remote: SocketAddress;
  /** What it believes to talk to. */
  readonly destination: Address;
  /** In words; `directRemoteAddress` is the connection's other end. */
  readonly remoteAddress: string;
  readonly directRemoteAddress: string;
  readonly localAddress: string;
  /** What it called the server in its ClientHello; empty where it did not. */
  readonly serverName: string;
  /** Undefined where TLS is not terminated. */
  readonly tls: TlsInfo | undefined;
}

/** The client's end. Paused until the tunnel resumes it. */
export interface DownstreamEnd extends TunnelEnd {
  readonly client: TunnelClient;
  /** Where the client wanted to go before it was intercepted. */
  readonly originalDestination: SocketAddress | undefined;
  /** Begins to tell its owner. */
  begin(owner: TunnelEndOwner): void;
}
