import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type AccessToken, isLocalPeer } from "../../base/access-token.ts";
import { type SocketAddress, socketAddress } from "../../model/address.ts";

/** What a path answers with; pages are made anew for each request. */
export interface Page {
  readonly contentType: string;
  body(): string;
}

/** Who is served beside clients of this machine; without any of it nobody is. */
export interface HttpAccess {
  /** Clients that bring it, as Prometheus does with its `credentials_file`. */
  readonly token?: AccessToken | undefined;
  /** Clients of these addresses: the pods of a mesh on one machine. */
  readonly trusts?: (address: string) => boolean;
}

export interface HttpServerOptions {
  readonly address: SocketAddress;
  readonly access?: HttpAccess;
  readonly pages: ReadonlyMap<string, Page>;
}

export interface RunningHttpServer {
  readonly address: SocketAddress;
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 256;
const HEAD_MS = 5_000;
const REQUEST_MS = 10_000;
const IDLE_MS = 30_000;
const HEADERS_MAX = 64;

/**
 * The control plane's HTTP door: it answers GET and HEAD with pages, and changes nothing. Clients
 * of other machines need a token. Without one, the Host is checked against the addresses that it
 * serves, so that a page in somebody's browser cannot read it under a name of its own (DNS
 * rebinding).
 */
export function serveHttp(options: HttpServerOptions): Promise<RunningHttpServer> {
  const server = createServer(
    { headersTimeout: HEAD_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: IDLE_MS },
    (request, response) => answer(request, response, options),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.maxHeadersCount = HEADERS_MAX;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.address.port, options.address.host, () => {
      // From here on an error concerns one connection: no file descriptor is left, for instance.
      server.removeListener("error", reject).on("error", () => {});
      resolve(running(server));
    });
  });
}

function running(server: Server): RunningHttpServer {
  // A server that listens on TCP has an AddressInfo, never null and never a pipe's path.
  const { address, port } = server.address() as AddressInfo;
  return {
    address: socketAddress(address, port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { access = {}, pages }: HttpServerOptions,
): void {
  request.resume();
  const { status, contentType, body } = strangerTo(access, request) ?? answerOf(request, pages);
  if (status === 405) response.setHeader("allow", "GET, HEAD");
  if (status === 401) response.setHeader("www-authenticate", "Bearer");
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** The answer to whom nothing is told; undefined for others. */
export function strangerTo(
  { token, trusts }: HttpAccess,
  request: IncomingMessage,
): Answer | undefined {
  const { authorization, origin, host } = request.headers;
  if (origin !== undefined && origin !== `http://${host ?? ""}`) {
    return refusal(403, "requests of other origins are not served");
  }
  if (token?.isIn(authorization) === true) return undefined;
  const { localAddress, remoteAddress = "" } = request.socket;
  const known = isLocalPeer(remoteAddress, localAddress) || trusts?.(plain(remoteAddress)) === true;
  if (!known) {
    const none = "only this machine is served: no token is configured";
    return refusal(401, token === undefined ? none : "a token is needed");
  }
  return isOwnHost(request) ? undefined : refusal(421, "not served under this host");
}

/** Of an IPv4 client at a socket of both families. */
function plain(address: string): string {
  return address.replace(/^::ffff:/, "");
}

function answerOf(request: IncomingMessage, pages: ReadonlyMap<string, Page>): Answer {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refusal(405, "only GET and HEAD are answered");
  }
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  const page = pages.get(path);
  if (page === undefined) return refusal(404, `no such page; there are ${listing(pages)}`);
  return { status: 200, contentType: page.contentType, body: page.body() };
}

function listing(pages: ReadonlyMap<string, Page>): string {
  return [...pages.keys()].join(" ");
}

/** `localhost`, or the very address that the connection came in on. */
function isOwnHost(request: IncomingMessage): boolean {
  const { host } = request.headers;
  if (host === undefined) return false;
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  const { localAddress = "" } = request.socket;
  return name === "localhost" || name === plain(localAddress);
}

function refusal(status: number, reason: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${reason}\n` };
}
