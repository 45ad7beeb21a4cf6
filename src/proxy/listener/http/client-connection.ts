import type { SocketAddress } from "../../../model/address.ts";
import type { HttpStat } from "../../telemetry/envoy/http-tables.ts";
import type { Accepted } from "../accepted.ts";

/** A client's connection that an HTTP connection manager serves. */
export interface ClientConnection {
  /** Bytes that were read before it was there. */
  onData(bytes: Buffer): void;
  /**
   * Says that the client shall go elsewhere, and closes at the end of the requests under way. One
   * that is idle waits so long for a request that is on its way; 0: it closes at once. Counted as
   * `why`; `downstream_cx_drain_close` where nothing is said.
   */
  drain(patienceMs: number, why?: HttpStat): void;
  /** How long it may be idle has changed (overload/overload.ts). */
  onIdleTimeouts(): void;
  destroy(): void;
}

/** Who owns connections: told when they end, and asked to take over CONNECT tunnels. */
export interface ConnectionOwner {
  onConnectionClosed(connection: ClientConnection): void;
  /** The socket is a fresh connection to this destination; `first` are its first bytes. */
  onTunnel(accepted: Accepted, destination: SocketAddress, first: Buffer): void;
}

/** Who owns a connection of which the protocol is not known yet. */
export interface ChoosingOwner extends ConnectionOwner {
  /** From now on the connection is this one. */
  onChosen(choosing: ClientConnection, chosen: ClientConnection): void;
}
