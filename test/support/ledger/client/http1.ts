/** HTTP/1.1 by Node's client: kept connections, one request at a time on each. */
import { Agent, request as ask, type ClientRequest, type IncomingMessage } from "node:http";
import {
  bodyOf,
  FIELD,
  judgeFailure,
  judgeReply,
  type LoadRequest,
  type Outcome,
} from "../request.ts";
import { type Sender, type Target, TIMEOUT } from "./sender.ts";

export class Http1Sender implements Sender {
  readonly #target: Target;
  readonly #agent: Agent;

  constructor(target: Target) {
    this.#target = target;
    const maxSockets = target.connections;
    this.#agent = new Agent({ keepAlive: true, maxSockets, scheduling: "fifo" });
  }

  send(request: LoadRequest, signal: AbortSignal): Promise<Outcome> {
    return new Promise((resolve) => {
      const sent = this.#open(request, signal);
      let began = false;
      const fail = (error: unknown): void => {
        resolve(signal.aborted ? TIMEOUT : judgeFailure(error, began));
      };
      sent.on("response", (response) => {
        began = true;
        collect(request, response, resolve, fail);
      });
      sent.on("error", fail);
      sent.end(bodyOf(request.id, request.bodyBytes));
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #open({ id, method, bodyBytes, replyBytes }: LoadRequest, signal: AbortSignal): ClientRequest {
    const { host, port, authority, path, headers } = this.#target;
    const length = method === "POST" ? { "content-length": bodyBytes } : {};
    const fields = { host: authority, [FIELD.id]: id, [FIELD.replyBytes]: replyBytes, ...length };
    const agent = this.#agent;
    return ask({ host, port, method, path, headers: { ...headers, ...fields }, agent, signal });
  }
}

function collect(
  request: LoadRequest,
  response: IncomingMessage,
  done: (outcome: Outcome) => void,
  fail: (error: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  response.on("error", fail);
  response.on("end", () => {
    const origin = response.headers[FIELD.origin];
    const status = response.statusCode ?? 0;
    const written = typeof origin === "string" ? origin : undefined;
    done(judgeReply(request, { status, origin: written, body: Buffer.concat(chunks) }));
  });
}
