import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import {
  eventually,
  freePort,
  type RunningProgram,
  startEnvoy,
  startOutrigger,
} from "./envoy-process.ts";

/** What an origin saw of one request, normalised. */
export interface SeenRequest {
  /** Which of the origins it was. */
  readonly origin: string;
  readonly line: string;
  /** `name: value` in lower case names, sorted; ids and times masked. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** What one request came to through one proxy, normalised so that two can be compared. */
export interface Outcome {
  /** Each response in turn, 1xx included: its status line. */
  readonly statuses: readonly string[];
  /** Of the last response. */
  readonly headers: readonly string[];
  readonly body: string;
  /** True where the proxy hung up, or said that it will (Envoy takes a second to do it). */
  readonly closed: boolean;
  readonly seen: readonly SeenRequest[];
}

/** Origins that answer as the request's `x-origin-*` headers ask. */
export class Origins {
  readonly #servers = new Map<string, http.Server>();
  #seen: SeenRequest[] = [];

  static async start(names: readonly string[]): Promise<Origins> {
    const origins = new Origins();
    for (const name of names) {
      const server = http.createServer({ keepAliveTimeout: 60_000 });
      server.on("request", (request, response) => origins.#answer(name, request, response));
      server.on("upgrade", (request, socket) => origins.#upgrade(name, request, socket));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      origins.#servers.set(name, server);
    }
    return origins;
  }

  port(name: string): number {
    const address = this.#servers.get(name)?.address();
    if (address === null || typeof address !== "object") throw new Error(`no origin ${name}`);
    return address.port;
  }

  /** What was seen since the last time. */
  take(): SeenRequest[] {
    const seen = this.#seen;
    this.#seen = [];
    return seen;
  }

  stop(): void {
    for (const server of this.#servers.values()) {
      server.close();
      server.closeAllConnections();
    }
  }

  #note(origin: string, request: http.IncomingMessage, body: string): void {
    const line = `${request.method} ${request.url} HTTP/${request.httpVersion}`;
    this.#seen.push({ origin, line, headers: normalise(pairs(request.rawHeaders)), body });
  }

  #answer(name: string, request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      this.#note(name, request, Buffer.concat(chunks).toString("latin1"));
      const asked = (key: string) => request.headers[`x-origin-${key}`]?.toString();
      if (asked("reset") !== undefined) return request.socket.destroy();
      if (asked("silent") !== undefined) return;
      const extra = asked("header")?.split("=") ?? [];
      const headers = {
        "x-origin": name,
        ...(extra.length === 2 ? { [extra[0] ?? ""]: extra[1] } : {}),
      };
      response.sendDate = asked("date") !== undefined;
      response.writeHead(Number(asked("status") ?? 200), headers);
      if (asked("chunks") === undefined) return response.end(`from ${name}`);
      response.write("one,");
      response.write("two");
      return response.end();
    });
  }

  #upgrade(name: string, request: http.IncomingMessage, socket: NodeJS.WritableStream): void {
    this.#note(name, request, "");
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    socket.end("tunnel");
  }
}

/** Node's raw headers as lines. */
export function pairs(raw: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) lines.push(`${raw[i]}: ${raw[i + 1]}`);
  return lines;
}

/** Values that differ from run to run, and mean nothing by it. */
const MASKED = new Set([
  "date",
  "x-request-id",
  "x-envoy-upstream-service-time",
  "x-envoy-expected-rq-timeout-ms",
]);

/** Header lines, names in lower case, sorted; what differs by its nature is masked. */
export function normalise(lines: readonly string[]): string[] {
  return lines
    .map((line) => {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = MASKED.has(name) ? "…" : line.slice(colon + 1).trim();
      return `${name}: ${value}`;
    })
    .sort();
}

/** One proxy on the configuration under test. */
export class ProxyUnderTest {
  readonly #program: RunningProgram;
  readonly port: number;
  readonly #admin: number;

  private constructor(program: RunningProgram, port: number, admin: number) {
    this.#program = program;
    this.port = port;
    this.#admin = admin;
  }

  /** `yaml` has `$PORT`, `$ADMIN` and `$ORIGIN_<name>` where ports go. `workers`: of ours. */
  static async start(
    kind: "envoy" | "outrigger",
    yaml: string,
    ports: Readonly<Record<string, number>>,
    workers = 1,
  ): Promise<ProxyUnderTest> {
    const port = await freePort();
    const admin = await freePort();
    const filled = yaml.replace(/\$([A-Z_a-z]+)/g, (whole, name: string) =>
      String({ PORT: port, ADMIN: admin, ...ports }[name] ?? whole),
    );
    const program = kind === "envoy" ? startEnvoy(filled) : startOutrigger(filled, workers);
    const proxy = new ProxyUnderTest(program, port, admin);
    // One after the other: each look that finds the listener is a connection that it counts.
    const doors = yaml.includes("$ADMIN") ? [admin, port] : [port];
    for (const door of doors) {
      await eventually(`${kind} listens`, () => listens(door)).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${program.log()}`);
      });
    }
    return proxy;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }

  /** Sends bytes as they are and reads until the answer is complete, or the proxy hangs up. */
  async exchange(raw: string, origins: Origins): Promise<Outcome> {
    origins.take();
    const answer = await talk(this.port, raw);
    return { ...answer, seen: origins.take() };
  }

  /** What its admin server shows there. */
  async page(path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#admin}${path}`);
    return await response.text();
  }

  /** Counters by name, as `/stats` prints them. */
  async stats(pattern: RegExp): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const line of (await this.page("/stats")).split("\n")) {
      const [name = "", value = ""] = line.split(": ");
      if (pattern.test(name)) found[name] = Number(value);
    }
    return found;
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = net.connect(port, "127.0.0.1");
  const connected = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  socket.destroy();
  return connected;
}

const ANSWER_MS = 5000;

function talk(port: number, raw: string): Promise<Omit<Outcome, "seen">> {
  const socket = net.connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  const isHead = raw.startsWith("HEAD ");
  return new Promise((resolve, reject) => {
    const finish = (closed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ ...parse(Buffer.concat(chunks).toString("latin1"), isHead, closed).outcome });
    };
    const timer = setTimeout(() => finish(false), ANSWER_MS);
    socket.once("error", reject);
    socket.on("connect", () => socket.write(raw, "latin1"));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      const text = Buffer.concat(chunks).toString("latin1");
      // A moment is left to a proxy that means to hang up.
      if (parse(text, isHead, false).complete) setTimeout(() => finish(socket.readableEnded), 20);
    });
    socket.on("end", () => finish(true));
  });
}

interface Parsed {
  readonly complete: boolean;
  readonly outcome: Omit<Outcome, "seen">;
}

/** Reads responses, 1xx first, up to the last byte of the final one. */
function parse(text: string, isHead: boolean, closed: boolean): Parsed {
  const statuses: string[] = [];
  for (let rest = text; ; ) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0)
      return { complete: closed, outcome: { statuses, headers: [], body: rest, closed } };
    const [status = "", ...lines] = rest.slice(0, end).split("\r\n");
    statuses.push(status);
    rest = rest.slice(end + 4);
    const code = Number(status.split(" ")[1]);
    if (code >= 100 && code < 200 && code !== 101) continue;
    const headers = normalise(lines);
    const { body, complete } = bodyOf(rest, headers, isHead || code === 204 || code === 304);
    const hangsUp = closed || headers.includes("connection: close");
    return { complete: complete || closed, outcome: { statuses, headers, body, closed: hangsUp } };
  }
}

function bodyOf(
  rest: string,
  headers: readonly string[],
  none: boolean,
): { readonly body: string; readonly complete: boolean } {
  if (none) return { body: rest, complete: true };
  if (headers.includes("transfer-encoding: chunked")) return unchunk(rest);
  const length = headers.find((line) => line.startsWith("content-length: "));
  if (length === undefined) return { body: rest, complete: false };
  const bytes = Number(length.slice("content-length: ".length));
  return { body: rest, complete: rest.length >= bytes };
}

function unchunk(rest: string): { readonly body: string; readonly complete: boolean } {
  let body = "";
  for (let at = 0; ; ) {
    const end = rest.indexOf("\r\n", at);
    if (end < 0) return { body, complete: false };
    const size = Number.parseInt(rest.slice(at, end), 16);
    if (size === 0) return { body, complete: rest.endsWith("\r\n\r\n") };
    body += rest.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
    if (at > rest.length) return { body, complete: false };
  }
}
