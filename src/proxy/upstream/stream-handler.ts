import type { ResponseParser } from "../../codec/h1/response-parser.ts";
import type { FaultOwner } from "../faults.ts";
import type { UpstreamConnection } from "./connection.ts";

/** Why no response, or no whole response, came. Envoy's words for local replies. */
export type ResetReason =
  | "remote connection failure"
  | "local connection failure"
  | "connection timeout"
  | "connection termination"
  | "protocol error"
  | "overflow"
  | "local reset";

/** Who waits for a connection and then for a response: an attempt. */
export interface StreamHandler extends FaultOwner {
  /** A connection is this handler's alone, until its response is complete. */
  onConnection(connection: UpstreamConnection): void;
  /** No connection: a limit was reached or the host cannot be reached. */
  onNoConnection(reason: ResetReason, detail: string): void;
  /** A head has arrived: an interim one, the final one or that of an upgrade. */
  onResponseHead(head: ResponseParser): void;
  onResponseData(bytes: Buffer, start: number, end: number): void;
  onResponseEnd(): void;
  /** After an upgrade: bytes of the new protocol. */
  onTunnelData(bytes: Buffer, start: number, end: number): void;
  onTunnelEnd(): void;
  /** The connection is gone before the response was complete. */
  onReset(reason: ResetReason): void;
  /** The upstream socket takes no more, or takes bytes again. */
  onUpstreamBlocked(): void;
  onUpstreamDrained(): void;
}
