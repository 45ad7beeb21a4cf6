/** An origin that answers with the very bytes of a script. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { normalise, type SeenRequest } from "./differential.ts";

/** What becomes of the connection after the script's bytes. */
type After = "stays" | "ends" | "resets";

export interface Script {
  /** Lines of each part end in CRLF; `\n` in the script is CRLF on the wire. */
  readonly answer: string;
  readonly after?: After;
}

/** Whole requests of one connection, one after the other. */
const REQUEST = /^(?<head>[\s\S]*?\r\n)\r\n/;

/** Serves HTTP/1.1 as far as scripts need it: `x-script` names what is sent. */
export class ScriptedOrigin {
  readonly #server: Server;
  readonly #scripts: Readonly<Record<string, Script>>;
  readonly #sockets = new Set<Socket>();
  /** Those that are answered when `release` is called. */
  #held: (() => void)[] = [];
  #seen: SeenRequest[] = [];

  private constructor(server: Server, scripts: Readonly<Record<string, Script>>) {
    this.#server = server;
    this.#scripts = scripts;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async listen(scripts: Readonly<Record<string, Script>>): Promise<ScriptedOrigin> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ScriptedOrigin(server, scripts);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** How many wait for `release`. */
  get held(): number {
    return this.#held.length;
  }

  /** Answers those whose script is `hold`. */
  release(): void {
    for (const answer of this.#held.splice(0)) answer();
  }

  /** What was seen since the last time. */
  take(): SeenRequest[] {
    return this.#seen.splice(0);
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let text = "";
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      const request = readRequest(text);
      if (request === undefined) return;
      text = "";
      this.#seen.push(request);
      const name = request.headers.find((line) => line.startsWith("x-script: "))?.slice(10) ?? "";
      if (name === "hold") this.#held.push(() => this.#answer(socket, name));
      else this.#answer(socket, name);
    });
  }

  #answer(socket: Socket, name: string): void {
    const { answer, after = "stays" } = this.#scripts[name] ?? {
      answer: "HTTP/1.1 500 Unknown\n\n",
    };
    socket.write(answer.replaceAll("\n", "\r\n"), "latin1", () => {
      if (after === "ends") socket.end();
      if (after === "resets") socket.resetAndDestroy();
    });
  }
}

/** Undefined until all of it is there. */
function readRequest(text: string): SeenRequest | undefined {
  const head = REQUEST.exec(text)?.groups?.head;
  if (head === undefined) return undefined;
  const [line = "", ...fields] = head.trimEnd().split("\r\n");
  const headers = normalise(fields);
  const rest = text.slice(head.length + 2);
  const length = headers.find((field) => field.startsWith("content-length: "))?.slice(16) ?? "0";
  const chunked = headers.includes("transfer-encoding: chunked");
  const body = chunked ? unchunk(rest) : rest.length < Number(length) ? undefined : rest;
  return body === undefined ? undefined : { origin: "script", line, headers, body };
}

/** The body, and its trailers behind it; undefined until all of it is there. */
function unchunk(text: string): string | undefined {
  let body = "";
  for (let at = 0; ; ) {
    const end = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (end < 0 || Number.isNaN(size)) return undefined;
    if (size === 0) return text.endsWith("\r\n\r\n") ? body + text.slice(end + 2, -2) : undefined;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}
