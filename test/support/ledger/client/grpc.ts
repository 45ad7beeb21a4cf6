/** gRPC by grpc-js: unary calls in turn over some channels. */
import * as grpc from "@grpc/grpc-js";
import {
  FIELD,
  GRPC_PATHS,
  judgeFrame,
  type LoadRequest,
  type Outcome,
  requestFrame,
} from "../request.ts";
import { type Sender, type Target, TIMEOUT } from "./sender.ts";

const OPTIONS: grpc.ChannelOptions = {
  "grpc.enable_retries": 0,
  "grpc.enable_http_proxy": 0,
  "grpc.use_local_subchannel_pool": 1,
  // Tries to connect again soon: an origin's outage is no outage of the client.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 500,
};

/** grpc-js's words; the second where it had not yet written all of the message. */
const REFUSED = /Stream refused by server|NGHTTP2_REFUSED_STREAM/;
/** Connections that go away one after the other must not make a call go round for ever. */
const REFUSALS_MAX = 5;

const same = (bytes: Buffer): Buffer => bytes;

export class GrpcSender implements Sender {
  readonly #clients: grpc.Client[];
  readonly #headers: Readonly<Record<string, string>>;
  #turn = 0;

  constructor({ host, port, authority, headers, connections }: Target) {
    const options = { ...OPTIONS, "grpc.default_authority": authority };
    const credentials = grpc.credentials.createInsecure();
    this.#headers = headers;
    this.#clients = Array.from(
      { length: connections },
      () => new grpc.Client(`${host}:${port}`, credentials, options),
    );
  }

  /** What was refused untaken goes again, as gRPC's clients do without being asked (gRFC A6). */
  async send(request: LoadRequest, signal: AbortSignal): Promise<Outcome> {
    for (let refusals = 0; ; refusals++) {
      const outcome = await this.#sendOnce(request, signal);
      const refused = outcome.kind !== "ok" && REFUSED.test(outcome.reason ?? "");
      if (refused && refusals < REFUSALS_MAX && !signal.aborted) continue;
      return refusals === 0 ? outcome : { ...outcome, retriedRefused: refusals };
    }
  }

  #sendOnce(request: LoadRequest, signal: AbortSignal): Promise<Outcome> {
    const client = this.#clients[this.#turn++ % this.#clients.length] as grpc.Client;
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(this.#headers)) metadata.set(name, value);
    return new Promise((resolve) => {
      let fromOrigin = false;
      const path = GRPC_PATHS[request.method];
      const bytes = requestFrame(request);
      const call = client.makeUnaryRequest(path, same, same, bytes, metadata, (error, reply) => {
        signal.removeEventListener("abort", give);
        if (signal.aborted) return resolve(TIMEOUT);
        if (error !== null) return resolve(judgeStatus(error, fromOrigin));
        const outcome = judgeFrame(request, reply ?? Buffer.alloc(0));
        resolve(outcome ?? { kind: "truncated", reason: "a message cut short" });
      });
      call.on("metadata", (head: grpc.Metadata) => {
        fromOrigin = head.get(FIELD.origin).length > 0;
      });
      const give = (): void => call.cancel();
      signal.addEventListener("abort", give, { once: true });
    });
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** A status without an origin's mark is the proxy's, or grpc-js's own word for the connection. */
function judgeStatus(error: grpc.ServiceError, headSeen: boolean): Outcome {
  const { code, details, metadata } = error;
  // An answer of trailers alone has no other head.
  const fromOrigin = headSeen || metadata?.get(FIELD.origin).length > 0;
  const reason = `${grpc.status[code]} ${details.slice(0, 100)}`;
  if (/ECONNREFUSED/.test(details)) return { kind: "connectRefused", status: code, reason };
  if (fromOrigin) {
    const own = code === grpc.status.UNAVAILABLE && details === "";
    return { kind: own ? "failedByOrigin" : "truncated", status: code, reason };
  }
  const broken = /^(Connection dropped|Received RST_STREAM|Stream refused by server|read E)/.test(
    details,
  );
  return { kind: broken ? "reset" : "refusedByProxy", status: code, reason };
}
