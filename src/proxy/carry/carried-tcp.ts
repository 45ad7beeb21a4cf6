// hot path: no allocation per request
import { Http2Response } from "../../codec/h2/response.ts";
import { ID } from "../../codec/http/header-name.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import type { Http2UpstreamConnection } from "../upstream/http2/connection.ts";
import type { TcpConnection } from "../upstream/tcp/tcp-connection.ts";
import { CARRIED_TCP } from "./protocol.ts";
import { StreamEnd } from "./stream-end.ts";

const MARK: HeaderTable = new HeaderTable();
MARK.set(ID["x-outrigger-carried"], CARRIED_TCP);

/** A CONNECT names an authority; where this one leads, the peer's filter chain alone decides. */
const UNNAMED = "pipe:1";

/** This side's end of a TCP connection that another sidecar takes over. */
export class CarriedTcp extends StreamEnd {
  readonly message: Http2Response = new Http2Response();
  readonly #connection: TcpConnection;

  constructor(connection: TcpConnection) {
    super();
    this.#connection = connection;
    this.owner = connection;
  }

  /** The connection is open at once, as one to the sidecar itself would be. */
  open(carrier: Http2UpstreamConnection): void {
    const { address, text } = this.#connection.host;
    const stream = carrier.openStream(this);
    this.stream = stream;
    const authority = address.kind === "pipe" ? UNNAMED : text;
    stream.sendRequest("CONNECT", "", authority, "", "", MARK, false);
    if (!this.closed) this.#connection.opened(this, carrier.localAddress);
  }

  onHead(): void {
    const { status } = this.message;
    if (status >= 300) this.refuse();
  }

  onFault(error: unknown): void {
    this.destroy();
    this.#connection.onFault(error);
  }
}
