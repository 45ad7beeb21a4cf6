// hot path: no allocation per request
import { Http2Request } from "../../../codec/h2/request.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import { ID } from "../../../codec/http/header-name.ts";
import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { SocketAddress } from "../../../model/address.ts";
import { CARRIED_TCP } from "../../carry/protocol.ts";
import { StreamEnd } from "../../carry/stream-end.ts";
import type { DownstreamEnd, TunnelClient, TunnelEndOwner } from "../../tcp/tunnel-end.ts";

const NO_HEADERS: HeaderTable = new HeaderTable();

/** The connection that streams are of. */
export interface StreamsConnection {
  readonly client: TunnelClient;
  readonly originalDestination: SocketAddress | undefined;
  /** A TCP connection has come. */
  onCarried(stream: AcceptedStream): void;
  onFault(error: unknown): void;
}

/** A client's TCP connection that its sidecar carries to this one. */
export class AcceptedStream extends StreamEnd implements DownstreamEnd {
  readonly message: Http2Request = new Http2Request();
  readonly #connection: StreamsConnection;

  constructor(connection: StreamsConnection, stream: Stream) {
    super();
    this.#connection = connection;
    this.stream = stream;
  }

  get client(): TunnelClient {
    return this.#connection.client;
  }

  get originalDestination(): SocketAddress | undefined {
    return this.#connection.originalDestination;
  }

  /** Answered before it is known whether the endpoint can be reached, as a TCP connection is. */
  onHead(): void {
    const { headers, method } = this.message;
    const carried = headers.get(ID["x-outrigger-carried"]) === CARRIED_TCP;
    if (method !== "CONNECT" || !carried) {
      this.stream?.sendResponse(403, NO_HEADERS, true);
      this.refuse();
      return;
    }
    this.stream?.sendResponse(200, NO_HEADERS, false);
    try {
      this.#connection.onCarried(this);
    } catch (error) {
      this.onFault(error);
    }
  }

  begin(owner: TunnelEndOwner): void {
    this.owner = owner;
    this.pause();
  }

  onFault(error: unknown): void {
    const { owner } = this;
    this.destroy();
    if (owner === undefined) this.#connection.onFault(error);
    else owner.onFault(error);
  }
}
