import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { create, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { AttributeContextSchema } from "../../src/gen/envoy/service/auth/v3/attribute_context_pb.js";
import {
  Authorization,
  type CheckRequest,
  CheckResponseSchema,
} from "../../src/gen/envoy/service/auth/v3/external_auth_pb.js";

/** What differs between proxies or runs, and means nothing. */
const VOLATILE =
  /^(?:x-request-id|x-forwarded-for|x-envoy-internal|x-envoy-expected-rq-timeout-ms|date)$/;

type Stopping = () => Promise<void>;

/** Authorization servers that decide by the path, and tell what they were shown. */
export class AuthorizationServers {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly #stopping: readonly Stopping[];

  private constructor(httpPort: number, grpcPort: number, stopping: readonly Stopping[]) {
    this.httpPort = httpPort;
    this.grpcPort = grpcPort;
    this.#stopping = stopping;
  }

  static async start(): Promise<AuthorizationServers> {
    const plain = http.createServer(answer);
    const adapter = connectNodeAdapter({
      routes: (router) => router.service(Authorization, { check: (request) => decide(request) }),
    });
    const rpc = http2.createServer(adapter);
    const sessions = new Set<http2.ServerHttp2Session>();
    rpc.on("session", (session) => {
      sessions.add(session);
      session.on("close", () => sessions.delete(session));
    });
    const ports: number[] = [];
    for (const server of [plain, rpc]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      ports.push((server.address() as AddressInfo).port);
    }
    const stopPlain = (): Promise<void> => {
      plain.closeAllConnections();
      return closed(plain);
    };
    const stopRpc = (): Promise<void> => {
      for (const session of sessions) session.destroy();
      return closed(rpc);
    };
    return new AuthorizationServers(ports[0] ?? 0, ports[1] ?? 0, [stopPlain, stopRpc]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stopping.map((stop) => stop()));
  }
}

function closed(server: { close(done: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** The word behind the last prefix that one of the scenes uses. */
function wishIn(path: string): string {
  return /\/(?:check\/)?(?:http|grpc|open|body|cut|seen)\/([a-z0-9-]+)/.exec(path)?.[1] ?? "";
}

// ── over HTTP ──

function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const shown = { ...shownIn(request), body: Buffer.concat(chunks).toString("latin1") };
    response.sendDate = false;
    respond(wishIn(request.url ?? ""), JSON.stringify(shown), request, response);
  });
}

function shownIn({ headers, method, url }: http.IncomingMessage): object {
  const told = Object.entries(headers).filter(([name]) => !VOLATILE.test(name));
  return { method, url, headers: Object.fromEntries(told.sort()) };
}

const CONSENT = {
  "x-auth-user": "alice",
  "x-auth-more": "added",
  "x-other": "not for the upstream",
  "set-cookie": "auth=1",
};

function respond(
  wish: string,
  shown: string,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): void {
  switch (wish) {
    case "allow":
      response.writeHead(200, { ...CONSENT, "x-auth-shown": shown }).end("fine");
      return;
    case "remove":
      response.writeHead(200, { "x-envoy-auth-headers-to-remove": "x-secret, X-Two" }).end();
      return;
    case "created":
      response.writeHead(201).end("not quite");
      return;
    case "deny":
      response.writeHead(403, { "x-auth-reason": "because", "x-hidden": "yes" }).end("no");
      return;
    case "challenge":
      response.writeHead(401, { "www-authenticate": "Basic", "content-type": "text/html" });
      response.end("<p>who?</p>");
      return;
    case "redirect":
      response.writeHead(302, { location: "/login" }).end();
      return;
    case "error":
      response.writeHead(500).end("broken");
      return;
    case "reset":
      request.socket.destroy();
      return;
    case "silent":
      return;
    default:
      response.writeHead(403).end(`no wish: ${wish}`);
  }
}

// ── over gRPC ──

type Response = MessageInitShape<typeof CheckResponseSchema>;

function header(key: string, value: string, more: object = {}): object {
  return { header: { key, value }, ...more };
}

async function decide({ attributes }: CheckRequest): Promise<Response> {
  const wish = wishIn(attributes?.request?.http?.path ?? "");
  const shown = attributes === undefined ? {} : toJson(AttributeContextSchema, attributes);
  const found = VERDICTS[wish];
  if (wish === "shown") return allowed([header("x-auth-shown", textOf(shown))]);
  if (wish === "silent") return new Promise(() => undefined);
  if (wish === "error") throw new ConnectError("broken", Code.Unavailable);
  return create(CheckResponseSchema, found ?? { status: { code: 7 } });
}

function allowed(headers: readonly object[], more: object = {}): Response {
  const value = { headers, ...more };
  return { status: { code: 0 }, httpResponse: { case: "okResponse", value } } as Response;
}

function denied(headers: readonly object[], code = 403, body = "no"): Response {
  const value = { status: { code }, headers, body };
  return { status: { code: 7 }, httpResponse: { case: "deniedResponse", value } } as Response;
}

const VERDICTS: Readonly<Record<string, Response>> = {
  allow: allowed([
    header("x-auth-user", "alice"),
    header("X-Two", "replaced"),
    header("x-more", "appended", { append: true }),
  ]),
  plain: { status: { code: 0 } },
  empty: {},
  remove: allowed([], { headersToRemove: ["x-secret", "host", ":path"] }),
  response: allowed([], {
    responseHeadersToAdd: [header("x-told", "to the client"), header("x-origin", "auth")],
  }),
  query: allowed([], {
    queryParametersToSet: [{ key: "user", value: "alice" }],
    queryParametersToRemove: ["token"],
  }),
  metadata: {
    status: { code: 0 },
    dynamicMetadata: { user: "alice" },
  },
  deny: {
    status: { code: 7 },
    httpResponse: {
      case: "deniedResponse",
      value: {
        status: { code: 401 },
        headers: [
          header("www-authenticate", "Bearer"),
          header("x-auth-reason", "because"),
        ] as never,
        body: "who are you?",
      },
    },
  },
  "deny-plain": { status: { code: 16 } },
  "deny-control": denied([header("x-auth-reason", "no\r\nx-admin: true")]),
  "deny-name": denied([header("x auth", "no")]),
  "deny-text": denied([header("x-auth-reason", "nein \u2192 nö")]),
  "deny-status": denied([], 777),
  "deny-long": denied([], 403, "x".repeat(2 * 1024 * 1024)),
  "allow-control": allowed([header("x-auth-user", "a\r\nx-admin: true")]),
  "allow-text": allowed([header("x-auth-user", "zoë \u2192")]),
};

/** Without what differs by its nature. */
function textOf(shown: unknown): string {
  const text = JSON.stringify(shown, (key, value: unknown) => {
    if (key === "time" || key === "id" || key === "portValue" || VOLATILE.test(key))
      return undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort());
  });
  return text;
}
