import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { BodyKind } from "../../codec/http/message.ts";

/**
 * Writes responses to a client in its connection's own form, one after the other. `head` and
 * `switchProtocols` return how many bytes the head takes on the wire.
 */
export interface ResponseEncoder {
  /** The connection, where it serves one request at a time, can be used again afterwards. */
  keepAlive: boolean;
  /** A request has come: nothing of its response has been written. */
  begin(): void;
  /** Asks the client for its body. */
  invite(): void;
  /** 103 and its like. */
  interim(status: number, headers: HeaderTable): void;
  /** The upstream has agreed, with 101 or 2xx to CONNECT: what follows is another protocol. */
  switchProtocols(status: number, headers: HeaderTable): number;
  /** The final head. Where `body` is none, nothing but `end` follows. */
  head(status: number, headers: HeaderTable, body: BodyKind): number;
  data(bytes: Buffer, start: number, end: number): void;
  end(): void;
  /** The end, with trailers where the client can take them. */
  trailers(headers: HeaderTable): void;
  /** Bytes of the other protocol. */
  tunnel(bytes: Buffer, start: number, end: number): void;
}
