import { connect, type IncomingHttpHeaders } from "node:http2";

/** What the stand-ins say of themselves and of the call, in a header. */
const SAID = "x-stand-in";
const PATH = "/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/Echo";
const TIMEOUT_MS = 2000;

export interface CallReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** JSON; empty where nobody has answered. */
  readonly said: string;
}

/**
 * One gRPC call, without a message, on an HTTP/2 connection of its own to `origin`. A status of
 * gRPC other than OK is a 503.
 */
export function callByGrpc(
  origin: string,
  authority: string,
  headers: Readonly<Record<string, string>>,
): Promise<CallReply> {
  return new Promise((resolve, reject) => {
    const session = connect(origin);
    session.setTimeout(TIMEOUT_MS, () => session.destroy(new Error("timed out")));
    session.on("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": PATH,
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on("response", (received) => {
      head = received;
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    stream.on("end", () => {
      session.close();
      const code = trailers["grpc-status"] ?? head["grpc-status"];
      const status = code === "0" ? 200 : 503;
      resolve({ status, headers: head, said: String(head[SAID] ?? "") });
    });
    stream.on("error", reject);
    stream.resume();
    stream.end(Buffer.alloc(5));
  });
}
