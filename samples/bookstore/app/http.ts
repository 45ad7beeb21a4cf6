/** The little that all of the bookstore's services share: JSON in, JSON out, headers passed on. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";

/** Answers one request; what it returns is sent as JSON. */
export type Handler = (path: string, headers: IncomingHttpHeaders) => Promise<unknown>;

/** An answer that is not 200. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * What a service copies from the request that it serves to the requests that it makes: without
 * them a trace ends here, and nothing behind it knows who asks.
 */
const PASSED_ON: readonly string[] = [
  ...["x-request-id", "traceparent", "tracestate", "baggage"],
  ...["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"],
  "end-user",
];

const TIMEOUT_MS = 5000;

/** Listens where `HOST` and `PORT` say. */
export function serve(handler: Handler): void {
  const server = createServer((incoming, response) => {
    incoming.resume();
    handler(incoming.url ?? "/", incoming.headers).then(
      (body) => reply(response, 200, body),
      (error: unknown) => replyError(response, error),
    );
  });
  // The sidecar closes connections, not the app: a server that closes idle ones races requests.
  server.keepAliveTimeout = 0;
  server.listen(Number(process.env.PORT), process.env.HOST);
}

/** GETs JSON from another service, in the name of the request with these headers. */
export function getJson(url: string, headers: IncomingHttpHeaders = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const options = { headers: passedOn(headers), timeout: TIMEOUT_MS };
    const outgoing = request(url, options, (response) => readJson(url, response, resolve, reject));
    outgoing.on("timeout", () => outgoing.destroy(new HttpError(504, `${url} took too long`)));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function readJson(
  url: string,
  response: IncomingMessage,
  resolve: (body: unknown) => void,
  reject: (error: Error) => void,
): void {
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    text += chunk;
  });
  response.on("error", reject);
  response.on("end", () => {
    const status = response.statusCode ?? 0;
    if (status !== 200) reject(new HttpError(502, `${url} answered ${status}`));
    else resolve(JSON.parse(text));
  });
}

function passedOn(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = PASSED_ON.map((name) => [name, headers[name]] as const);
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function replyError(response: ServerResponse, error: unknown): void {
  const status = error instanceof HttpError ? error.status : 502;
  const message = error instanceof Error ? error.message : String(error);
  reply(response, status, { error: message });
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
