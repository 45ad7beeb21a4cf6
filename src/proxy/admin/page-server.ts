import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, ListenOptions } from "node:net";
import { type Address, formatAddress, socketAddress } from "../../model/address.ts";
import {
  fdOf,
  type HeldSocket,
  type Inheritance,
  NOTHING_INHERITED,
} from "../graceful/inheritance.ts";
import type { Refusal } from "./admission.ts";
import { type Answer, text } from "./answer.ts";
import { SliceWriter } from "./slice-writer.ts";

/** A server that answers. */
export interface RunningServer {
  /** Where it listens: the kernel's port for a configured 0. */
  readonly address: Address;
  /** What it listens with. */
  readonly held: readonly HeldSocket[];
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
}

export interface Page {
  readonly path: string;
  /** GET pages also answer HEAD and change nothing; POST pages do. */
  readonly method: "GET" | "POST";
  readonly help: string;
  readonly answer: (query: URLSearchParams) => Answer | Promise<Answer>;
}

export interface PageServerOptions {
  readonly pages: readonly Page[];
  /** Says why a request is not served at all. */
  readonly refuse?: (request: IncomingMessage) => Refusal | undefined;
  readonly unknownPath: () => string;
  /** What a predecessor has listened with. */
  readonly inherited?: Inheritance;
}

const CONNECTIONS_MAX = 64;
const HEAD_BYTES_MAX = 16 * 1024;
const BODY_BYTES_MAX = 4096;
const REQUEST_MS = 10_000;
/** A client that reads nothing for so long is cut. */
const STALLED_MS = 30_000;

const HEADERS = {
  "cache-control": "no-cache, max-age=0",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'",
};

/** Serves pages on one address. Rejects where it cannot listen. */
export async function servePages(
  address: Address,
  options: PageServerOptions,
): Promise<RunningServer> {
  const pages = new Map(options.pages.map((page) => [page.path, page]));
  const writer = new SliceWriter();
  const server = createServer(
    { maxHeaderSize: HEAD_BYTES_MAX, requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => {
      if (declaredBytes(request) <= BODY_BYTES_MAX) boundBody(request);
      void answerTo(request, pages, options)
        .catch(failure)
        .then((answer) => respond(answer, request, response, writer));
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.setTimeout(STALLED_MS);
  server.listen(placeOf(address, options.inherited));
  await once(server, "listening");
  server.on("error", ignoreAcceptError);
  const bound = boundAddress(server, address);
  const fd = fdOf(server);
  const held = fd === undefined ? [] : [{ address: formatAddress(bound), fd }];
  return { address: bound, held, close: () => close(server) };
}

function placeOf(address: Address, inherited: Inheritance = NOTHING_INHERITED): ListenOptions {
  const [fd] = inherited.get(formatAddress(address)) ?? [];
  if (fd !== undefined) return { fd } as ListenOptions;
  if (address.kind === "pipe") return { path: address.path };
  return { host: address.host, port: address.port };
}

async function answerTo(
  request: IncomingMessage,
  pages: ReadonlyMap<string, Page>,
  options: PageServerOptions,
): Promise<Answer> {
  const refusal = options.refuse?.(request);
  if (refusal !== undefined) return text(refusal.reason, refusal.status);
  if (declaredBytes(request) > BODY_BYTES_MAX) return text("The body is too large.\n", 413);
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  const page = pages.get(path);
  if (page === undefined) return text(options.unknownPath(), 404);
  if (!allows(page, request.method)) {
    return text(`Method ${request.method} not allowed, ${page.method} required.\n`, 405);
  }
  return await page.answer(new URLSearchParams(query));
}

function failure(error: unknown): Answer {
  return text(`internal error: ${error instanceof Error ? error.message : String(error)}\n`, 500);
}

function allows(page: Page, method: string | undefined): boolean {
  return method === page.method || (page.method === "GET" && method === "HEAD");
}

function respond(
  answer: Answer,
  request: IncomingMessage,
  response: ServerResponse,
  writer: SliceWriter,
): void {
  response.writeHead(answer.status, {
    ...HEADERS,
    "content-type": answer.contentType,
    ...(answer.status === 405 ? { allow: request.method === "POST" ? "GET, HEAD" : "POST" } : {}),
    ...(answer.status === 401 ? { "www-authenticate": "Bearer" } : {}),
    ...(answer.status === 413 ? { connection: "close" } : {}),
  });
  const body = request.method === "HEAD" ? [] : answer.body;
  void writer.write(response, body).then(answer.afterwards);
}

function declaredBytes(request: IncomingMessage): number {
  return Number(request.headers["content-length"] ?? 0);
}

/** No page reads a body: it is let through as far as it is short. */
function boundBody(request: IncomingMessage): void {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) request.destroy();
  });
}

/** As when file descriptors run out: the next connection may fare better. */
function ignoreAcceptError(): void {
  // The traffic matters more than its observers.
}

function boundAddress(server: Server, configured: Address): Address {
  const bound = server.address() as AddressInfo | string | null;
  if (bound === null || typeof bound === "string") return configured;
  return socketAddress(bound.address, bound.port);
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
