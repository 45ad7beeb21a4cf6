/** Origins that treat each attempt of a request as its plan says, in HTTP/1.1 and in HTTP/2. */
import { once } from "node:events";
import http from "node:http";
import http2, { constants } from "node:http2";
import type { AddressInfo, Server } from "node:net";

/**
 * `x-plan: 503,reset,200` says what becomes of the first, second and third attempt, by the number
 * that the proxy gives it (`x-envoy-attempt-count`); the last step holds for all that follow.
 *
 * ```
 *   503            that status, with the body `attempt N`
 *   grpc-14        200 with that gRPC status in its head, and no body
 *   200+a=b        with a header
 *   reset          the connection, or the stream, is reset
 *   refuse         the stream is refused (HTTP/2)
 *   half           the head of a 200, and then a reset
 *   hint-reset     an interim response, and then a reset
 *   silent         nothing
 *   after2         a 200, once attempt 2 has come
 * ```
 */
type Step = string;

/** What was asked, and what answers it, in either protocol. */
interface Call {
  readonly attempt: number;
  readonly body: string;
  respond(status: number, headers: Readonly<Record<string, string>>, body: string): void;
  hint(): void;
  /** A head, and part of the body. */
  begin(): void;
  reset(refused: boolean): void;
}

export class PlannedOrigin {
  readonly #http1: http.Server;
  readonly #http2: http2.Http2Server;
  /** Requests by their id: those who wait for an attempt. */
  readonly #waiting = new Map<string, { readonly attempt: number; readonly go: () => void }[]>();
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  #seen: string[] = [];

  private constructor() {
    this.#http1 = http.createServer({ keepAliveTimeout: 60_000 });
    this.#http2 = http2.createServer();
    this.#http1.on("request", (request, response) => this.#take1(request, response));
    this.#http2.on("session", (session) => this.#sessions.add(session));
    this.#http2.on("stream", (stream: http2.ServerHttp2Stream, headers) =>
      this.#take2(stream, headers),
    );
  }

  static async start(): Promise<PlannedOrigin> {
    const origin = new PlannedOrigin();
    for (const server of [origin.#http1, origin.#http2] as readonly Server[]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    return origin;
  }

  /** What stands for its ports in a proxy's file. */
  get ports(): Readonly<Record<string, number>> {
    const of = (server: Server): number => (server.address() as AddressInfo).port;
    return { PLANNED: of(this.#http1), PLANNED_TWO: of(this.#http2) };
  }

  /** Attempts since the last time: number, what was announced, and body. */
  take(): string[] {
    return this.#seen.splice(0);
  }

  async stop(): Promise<void> {
    this.#http1.closeAllConnections();
    for (const session of this.#sessions) session.destroy();
    this.#http1.close();
    this.#http2.close();
    await Promise.resolve();
  }

  #take1(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    response.on("error", () => undefined);
    request.on("error", () => undefined);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { socket } = request;
      this.#carryOut(request.headers, {
        attempt: Number(request.headers["x-envoy-attempt-count"] ?? 0),
        body: Buffer.concat(chunks).toString("latin1"),
        respond: (status, headers, body) => {
          response.sendDate = false;
          response.writeHead(status, { ...headers, "content-length": String(body.length) });
          response.end(body);
        },
        hint: () => response.writeEarlyHints({ link: "</a>" }),
        begin: () => {
          response.sendDate = false;
          response.writeHead(200, { "content-length": "100" });
          response.write("half");
        },
        reset: () => setImmediate(() => socket.resetAndDestroy()),
      });
    });
  }

  #take2(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
    const chunks: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      this.#carryOut(headers, {
        attempt: Number(headers["x-envoy-attempt-count"] ?? 0),
        body: Buffer.concat(chunks).toString("latin1"),
        respond: (status, more, body) => {
          const endStream = body === "";
          stream.respond({ ":status": status, ...more }, { endStream });
          if (!endStream) stream.end(body);
        },
        hint: () => stream.additionalHeaders({ ":status": 103, link: "</a>" }),
        begin: () => {
          stream.respond({ ":status": 200, "content-length": "100" });
          stream.write("half");
        },
        reset: (refused) => {
          const code = refused
            ? constants.NGHTTP2_REFUSED_STREAM
            : constants.NGHTTP2_INTERNAL_ERROR;
          setImmediate(() => stream.close(code));
        },
      });
    });
  }

  #carryOut(headers: http.IncomingHttpHeaders | http2.IncomingHttpHeaders, call: Call): void {
    const plan = String(headers["x-plan"] ?? "200").split(",");
    const id = String(headers["x-request-id"]);
    const step: Step = plan[Math.min(call.attempt, plan.length) - 1] ?? "200";
    this.#seen.push(`${call.attempt} ${seenOf(headers)}${call.body}`.trim());
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.set(id, waiting);
    for (const { attempt, go } of waiting.splice(0)) {
      if (attempt <= call.attempt) go();
      else waiting.push({ attempt, go });
    }
    const after = /^after(\d+)$/.exec(step);
    if (after === null) perform(step, call);
    else waiting.push({ attempt: Number(after[1]), go: () => perform("200", call) });
  }
}

/** Retry headers that have come through. */
function seenOf(headers: http.IncomingHttpHeaders | http2.IncomingHttpHeaders): string {
  return Object.keys(headers)
    .filter((name) => name.startsWith("x-envoy-") && name !== "x-envoy-attempt-count")
    .sort()
    .map((name) => `${name} `)
    .join("");
}

function perform(step: Step, call: Call): void {
  if (step === "silent") return;
  if (step === "reset" || step === "refuse") return call.reset(step === "refuse");
  if (step === "hint-reset") {
    call.hint();
    return call.reset(false);
  }
  if (step === "half") {
    call.begin();
    return call.reset(false);
  }
  const grpc = /^grpc-(\d+)$/.exec(step);
  if (grpc !== null) {
    const headers = { "content-type": "application/grpc", "grpc-status": grpc[1] ?? "" };
    return call.respond(200, headers, "");
  }
  const [status = "200", header = ""] = step.split("+");
  const [name = "", value = ""] = header.split("=");
  const headers = name === "" ? {} : { [name]: value };
  call.respond(Number(status), headers, `attempt ${call.attempt}`);
}
