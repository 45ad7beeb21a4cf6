/** Node's own strict HTTP/1.1 parser, in this process and without a socket: a second opinion. */
import { once } from "node:events";
import http from "node:http";
import { duplexPair } from "node:stream";

/** One message as somebody read it. */
export interface ReadMessage {
  /** `GET /a` of a request, `200` of a response. */
  readonly line: string;
  /** `name: value`, names in lower case, in their order. */
  readonly fields: readonly string[];
  readonly body: string;
}

export interface Reading {
  readonly messages: readonly ReadMessage[];
  /** Why reading stopped; undefined: the bytes ended between two messages. */
  readonly error: string | undefined;
}

function fieldsOf(raw: readonly string[]): string[] {
  const fields: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    fields.push(`${raw[i]?.toLowerCase()}: ${raw[i + 1]}`);
  }
  return fields;
}

/** The requests in these bytes. */
export async function nodeRequests(bytes: Buffer): Promise<Reading> {
  const messages: { line: string; fields: string[]; body: string }[] = [];
  let error: string | undefined;
  let unfinished = 0;
  const server = http.createServer({ insecureHTTPParser: false, requireHostHeader: true });
  const note = (request: http.IncomingMessage): { body: string } => {
    const line = `${request.method} ${request.url}`;
    const message = { line, fields: fieldsOf(request.rawHeaders), body: "" };
    messages.push(message);
    return message;
  };
  server.on("request", (request, response) => {
    const chunks: Buffer[] = [];
    const message = note(request);
    unfinished++;
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => undefined);
    request.on("end", () => {
      unfinished--;
      message.body = Buffer.concat(chunks).toString("latin1");
      response.end();
    });
  });
  const takeOver = (request: http.IncomingMessage, socket: NodeJS.WritableStream): void => {
    note(request);
    socket.end();
  };
  server.on("connect", takeOver);
  server.on("upgrade", takeOver);
  server.on("clientError", (failure: NodeJS.ErrnoException, socket) => {
    error ??= failure.code ?? failure.message;
    socket.destroy();
  });
  const [client, theirs] = duplexPair();
  client.on("error", () => undefined).resume();
  theirs.on("error", () => undefined);
  server.emit("connection", theirs);
  const closed = once(theirs, "close");
  client.end(bytes);
  await closed;
  if (unfinished > 0) error ??= "unfinished";
  return { messages, error };
}

/** The final response in these bytes, which end with the connection. */
export function nodeResponse(bytes: Buffer, method: string): Promise<Reading> {
  const [theirs, server] = duplexPair();
  theirs.on("error", () => undefined);
  server.on("error", () => undefined).resume();
  return new Promise((resolve) => {
    const fail = (failure: NodeJS.ErrnoException): void => {
      resolve({ messages: [], error: failure.code ?? failure.message });
    };
    const request = http.request({ method, createConnection: () => theirs, host: "a" });
    request.on("error", fail);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", fail);
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString("latin1");
        const message = {
          line: String(response.statusCode),
          fields: fieldsOf(response.rawHeaders),
          body,
        };
        const whole = response.complete;
        resolve({ messages: whole ? [message] : [], error: whole ? undefined : "unfinished" });
        theirs.destroy();
      });
    });
    request.end();
    server.end(bytes);
  });
}
