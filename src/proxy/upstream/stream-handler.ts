import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { ResponseMessage } from "../../codec/http/message.ts";
import type { FaultOwner } from "../faults.ts";
import type { UpstreamStream } from "./upstream-stream.ts";

/** Why no response, or no whole response, came. Envoy's words for local replies. */
export type ResetReason =
  | "remote connection failure"
  | "local connection failure"
  | "connection timeout"
  | "connection termination"
  | "protocol error"
  | "overflow"
  | "local reset"
  | "remote reset"
  | "remote refused stream reset";

/** Who waits for a connection and then for a response: an attempt. */
export interface StreamHandler extends FaultOwner {
  /** A stream is this handler's alone, until its response is complete. */
  onConnection(stream: UpstreamStream): void;
  /** No connection: a limit was reached or the host cannot be reached. */
  onNoConnection(reason: ResetReason, detail: string): void;
  /** A head has arrived: an interim one, the final one or that of an upgrade. */
  onResponseHead(head: ResponseMessage): void;
  onResponseData(bytes: Buffer, start: number, end: number): void;
  /** They stand behind the data; `onResponseEnd` follows at once. */
  onResponseTrailers(trailers: HeaderTable): void;
  onResponseEnd(): void;
  /** After an upgrade: bytes of the new protocol. */
  onTunnelData(bytes: Buffer, start: number, end: number): void;
  onTunnelEnd(): void;
  /** The stream is gone before the response was complete. `detail`: what else is known of why. */
  onReset(reason: ResetReason, detail?: string): void;
  /** The upstream takes no more, or takes bytes again. */
  onUpstreamBlocked(): void;
  onUpstreamDrained(): void;
}
