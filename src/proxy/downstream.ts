import type { Address } from "../model/address.ts";
import type { CompiledHcm } from "./compile/compiled-hcm.ts";
import type { ResponseEncoder } from "./reply/response-encoder.ts";
import type { TlsInfo } from "./tls/tls-info.ts";

/** The client's side of an exchange: what an HTTP connection, or a stream of one, offers to it. */
export interface Downstream {
  readonly hcm: CompiledHcm;
  readonly encoder: ResponseEncoder;
  /** The client's connection: the same object for all requests on it. */
  readonly connection: object;
  /** The client speaks TLS to this proxy. */
  readonly secure: boolean;
  /** What was agreed upon with the client; undefined where TLS is not terminated. */
  readonly tls: TlsInfo | undefined;
  /** The client is another sidecar, which carries its clients' requests (carry/protocol.ts). */
  readonly carrying: boolean;
  /** `10.0.0.7:41522`: by a PROXY protocol header, where there is one. */
  readonly remoteAddress: string;
  /** The connection's other end, whatever it says of others. */
  readonly directRemoteAddress: string;
  readonly localAddress: string;
  /** Without port. */
  readonly remoteIp: string;
  /** Where the client wanted to go before it was intercepted. */
  readonly originalDestination: Address | undefined;
  pauseReading(): void;
  resumeReading(): void;
  /** From now on bytes are the new protocol's. */
  startTunnel(): void;
  /** No more bytes come from upstream. */
  endTunnel(): void;
  /** The response is complete. */
  onExchangeEnd(keepAlive: boolean): void;
  /** The response cannot be completed: the client must see that. */
  reset(): void;
  /** A callback threw: the connection is given up. */
  onFault(error: unknown): void;
}
