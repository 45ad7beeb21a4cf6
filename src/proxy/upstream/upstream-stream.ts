import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { RequestMessage } from "../../codec/http/message.ts";
import type { RequestHead } from "../route/request-head.ts";
import type { TlsInfo } from "../tls/tls-info.ts";

/** One request on its way upstream, in whatever form its connection has: an attempt's. */
export interface UpstreamStream {
  readonly localAddress: string;
  /** `HTTP/1.1`, `HTTP/2`; empty where the payload of a tunnel goes there. */
  readonly protocol: string;
  /** What was agreed upon with the endpoint; undefined without TLS. */
  readonly tls: TlsInfo | undefined;
  /** `request` is what routing made of `message`, which says how its body is framed. */
  sendHead(request: RequestHead, message: RequestMessage): void;
  sendData(bytes: Buffer, start: number, end: number): void;
  /** The request's last byte has been sent. */
  sendEnd(): void;
  /** The end, with trailers where the upstream can take them. */
  sendTrailers(trailers: HeaderTable): void;
  /** After an upgrade: bytes of the new protocol. */
  sendTunnel(bytes: Buffer, start: number, end: number): void;
  /** After an upgrade: the client has sent its last byte. */
  endTunnel(): void;
  pauseReading(): void;
  resumeReading(): void;
  /** Gives the request up. Nobody is told. */
  abandon(): void;
}
