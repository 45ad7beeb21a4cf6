/** HTTP/2 by Node's client: streams in turn over some connections. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import {
  bodyOf,
  FIELD,
  judgeFailure,
  judgeReply,
  type LoadRequest,
  type Outcome,
} from "../request.ts";
import { type Sender, type Target, TIMEOUT } from "./sender.ts";

/** Connections that go away one after the other must not make a request go round for ever. */
const REFUSALS_MAX = 5;

export class Http2Sender implements Sender {
  readonly #target: Target;
  readonly #sessions: (ClientHttp2Session | undefined)[] = [];
  #turn = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  /** What was refused untaken goes again, as RFC 9113, 8.7 has it. */
  async send(request: LoadRequest, signal: AbortSignal): Promise<Outcome> {
    for (let refusals = 0; ; refusals++) {
      if (signal.aborted) return TIMEOUT;
      const outcome = await this.#sendOnce(request, signal);
      if (outcome !== "refused") {
        return refusals === 0 ? outcome : { ...outcome, retriedRefused: refusals };
      }
      if (refusals === REFUSALS_MAX) return { kind: "reset", reason: "REFUSED_STREAM" };
    }
  }

  close(): void {
    for (const session of this.#sessions) session?.destroy();
  }

  #sendOnce(request: LoadRequest, signal: AbortSignal): Promise<Outcome | "refused"> {
    const session = this.#session();
    const { authority, path, headers } = this.#target;
    const bodyless = request.bodyBytes === 0;
    return new Promise((resolve) => {
      let stream: ClientHttp2Stream;
      try {
        const fields = {
          ...headers,
          ...{ ":method": request.method, ":authority": authority, ":path": path },
          ...{ [FIELD.id]: request.id, [FIELD.replyBytes]: String(request.replyBytes) },
        };
        stream = session.request(fields, { endStream: bodyless });
      } catch (error) {
        resolve(judgeFailure(error, false));
        return;
      }
      const give = (): void => stream.close(constants.NGHTTP2_CANCEL);
      signal.addEventListener("abort", give, { once: true });
      collect(request, stream, (outcome) => {
        signal.removeEventListener("abort", give);
        resolve(signal.aborted ? TIMEOUT : outcome);
      });
      if (!bodyless) stream.end(bodyOf(request.id, request.bodyBytes));
    });
  }

  #session(): ClientHttp2Session {
    const at = this.#turn++ % this.#target.connections;
    const open = this.#sessions[at];
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const { host, port } = this.#target;
    const session = connect(`http://${host}:${port}`);
    // Its streams say it.
    session.on("error", () => undefined);
    session.on("goaway", () => {
      if (this.#sessions[at] === session) this.#sessions[at] = undefined;
    });
    this.#sessions[at] = session;
    return session;
  }
}

function collect(
  request: LoadRequest,
  stream: ClientHttp2Stream,
  done: (outcome: Outcome | "refused") => void,
): void {
  const chunks: Buffer[] = [];
  let head: IncomingHttpHeaders | undefined;
  let failure: unknown;
  stream.on("response", (headers) => {
    head = headers;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", (error) => {
    failure = error;
  });
  stream.on("close", () => {
    const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    if (refused && head === undefined) return done("refused");
    if (!stream.readableEnded || failure !== undefined || head === undefined) {
      const why = failure ?? new Error(`stream ended by code ${stream.rstCode}`);
      return done(judgeFailure(why, head !== undefined));
    }
    const written = head[FIELD.origin];
    const origin = typeof written === "string" ? written : undefined;
    const status = Number(head[":status"]);
    done(judgeReply(request, { status, origin, body: Buffer.concat(chunks) }));
  });
}
