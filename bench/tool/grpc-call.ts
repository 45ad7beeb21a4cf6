/** One unary call, to see that what is measured is gRPC: h2load does not look at trailers. */
import { once } from "node:events";
import http2 from "node:http2";

const CALL_MS_MAX = 5000;

/** @throws Error where the call does not end with status 0 in its trailers. */
export async function expectGrpcStatus(
  port: number,
  path: string,
  message: Uint8Array,
): Promise<void> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    const headers = { "content-type": "application/grpc", te: "trailers" };
    const call = session.request({ ":method": "POST", ":path": path, ...headers });
    call.end(message);
    call.resume();
    const signal = AbortSignal.timeout(CALL_MS_MAX);
    const [[head], [trailers]] = (await Promise.all([
      once(call, "response", { signal }),
      once(call, "trailers", { signal }),
    ])) as [[http2.IncomingHttpHeaders], [http2.IncomingHttpHeaders]];
    const [http, status] = [head[":status"], trailers["grpc-status"]];
    if (`${http}` !== "200" || status !== "0") {
      throw new Error(`status ${http}, grpc-status ${status} through port ${port}`);
    }
  } finally {
    session.destroy();
  }
}
