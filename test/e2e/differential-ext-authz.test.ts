import fs from "node:fs";
import { describe } from "vitest";
import { AuthorizationServers } from "../support/authorization-servers.ts";
import { compareProxies } from "../support/compare-proxies.ts";
import { type DifferentialCase, rawOf } from "../support/differential-cases.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-ext-authz.yaml", import.meta.url), "utf8");

function ask(name: string, path: string, ...headers: string[]): DifferentialCase {
  return { name, lines: [`GET ${path} HTTP/1.1`, "Host: reviews", ...headers] };
}

function post(name: string, path: string, body: string, ...headers: string[]): DifferentialCase {
  const lines = [`POST ${path} HTTP/1.1`, "Host: reviews", `Content-Length: ${body.length}`];
  return { name, lines: [...lines, ...headers], body };
}

function chunked(name: string, path: string, ...chunks: string[]): DifferentialCase {
  const coded = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
  const lines = [`POST ${path} HTTP/1.1`, "Host: reviews", "Transfer-Encoding: chunked"];
  return { name, lines, body: `${coded}0\r\n\r\n` };
}

interface Scene {
  readonly title: string;
  /** Of the filter, without what all have. */
  readonly filter: readonly string[];
  readonly cases: readonly DifferentialCase[];
}

const HTTP_SERVER = [
  "stat_prefix: outer",
  "http_service:",
  "  server_uri: {uri: 'http://authz.example', cluster: authz-http, timeout: 1s}",
  "  path_prefix: /check",
  "  authorization_request: {headers_to_add: [{key: x-added, value: by-the-proxy}]}",
  "  authorization_response:",
  "    allowed_upstream_headers: {patterns: [{exact: x-auth-user}, {prefix: x-auth-s}]}",
  "    allowed_upstream_headers_to_append: {patterns: [{exact: x-auth-more}]}",
  "    allowed_client_headers: {patterns: [{prefix: x-auth}, {exact: content-type}]}",
  "    allowed_client_headers_on_success: {patterns: [{exact: set-cookie, ignore_case: true}]}",
  "allowed_headers: {patterns: [{exact: x-shown}, {prefix: x-two}]}",
];

const GRPC_SERVER = ["grpc_service: {envoy_grpc: {cluster_name: authz-grpc}, timeout: 1s}"];

const BODY = (more: string): string => `with_request_body: {max_request_bytes: 10${more}}`;

const SCENES: readonly Scene[] = [
  {
    title: "over HTTP",
    filter: HTTP_SERVER,
    cases: [
      ask("lets pass, with the server's headers", "/http/allow?x=1", "X-Shown: 1", "X-Not: 2"),
      ask("shows the credentials", "/http/allow", "Authorization: Bearer x", "Cookie: a=b"),
      ask("replaces what the client claims", "/http/allow", "X-Auth-User: mallory"),
      ask("adds to what is there", "/http/allow", "X-Auth-More: client's"),
      ask("takes away what the server names", "/http/remove", "X-Secret: 1", "X-Two: 2"),
      post("shows no body", "/http/allow", "hello"),
      ask("takes any other success for a refusal", "/http/created"),
      ask("refuses with the server's words", "/http/deny"),
      ask("passes on a challenge", "/http/challenge"),
      ask("passes on a redirect", "/http/redirect"),
      ask("refuses a gRPC call in its words", "/http/deny", "Content-Type: application/grpc"),
      ask("refuses where the server fails", "/http/error"),
      ask("refuses where the server hangs up", "/http/reset"),
      ask("refuses where the server is silent", "/http/silent"),
      ask("does not ask for routes that do without", "/off"),
    ],
  },
  {
    title: "with failures allowed",
    filter: [
      ...HTTP_SERVER,
      "failure_mode_allow: true",
      "failure_mode_allow_header_add: true",
      "clear_route_cache: true",
    ],
    cases: [
      ask("lets pass where the server fails", "/http/error"),
      ask("lets pass where the server hangs up", "/http/reset"),
      ask("still refuses", "/http/deny"),
      ask("looks for the route again", "/http/allow"),
    ],
  },
  {
    title: "of a server that is gone",
    filter: [
      "grpc_service: {envoy_grpc: {cluster_name: authz-gone}, timeout: 1s}",
      "status_on_error: {code: ServiceUnavailable}",
    ],
    cases: [ask("refuses with its own status", "/grpc/allow")],
  },
  {
    title: "over gRPC",
    filter: [...GRPC_SERVER, "include_tls_session: true", "clear_route_cache: true"],
    cases: [
      ask("lets pass, with the server's headers", "/grpc/allow", "X-Two: 2", "X-More: client's"),
      ask("lets pass without any", "/grpc/plain"),
      ask("takes an empty answer for consent", "/grpc/empty"),
      ask("takes away what the server names", "/grpc/remove", "X-Secret: 1"),
      ask("tells the client on success", "/grpc/response"),
      ask("changes the query", "/grpc/query?token=secret&a=b"),
      ask("refuses with the server's words", "/grpc/deny"),
      ask("refuses with its own", "/grpc/deny-plain"),
      ask("refuses where the server fails", "/grpc/error"),
      ask("refuses where the server is silent", "/grpc/silent"),
      ask("refuses a gRPC call in its words", "/grpc/deny", "Content-Type: application/grpc"),
      ask("shows the request", "/grpc/shown?x=1", "X-One: 1", "X-One: 2", "Cookie: a=b"),
      post("shows how long the body is", "/grpc/shown", "hello"),
      ask("shows what the route adds", "/grpc/shown/more"),
    ],
  },
  {
    title: "over gRPC with few headers",
    filter: [
      ...GRPC_SERVER,
      "allowed_headers: {patterns: [{prefix: x-}, {exact: ':path'}]}",
      "disallowed_headers: {patterns: [{exact: x-one}]}",
    ],
    cases: [ask("shows those alone", "/grpc/shown", "X-One: 1", "X-Two: 2", "Cookie: a=b")],
  },
  {
    title: "with the body",
    filter: [...GRPC_SERVER, BODY("")],
    cases: [
      post("shows all of it", "/body/shown", "0123456789"),
      chunked("shows it whole, however it came", "/body/shown", "abc", "def"),
      post("refuses what is too long", "/body/shown", "0123456789a"),
      chunked("refuses what grows too long", "/body/shown", "abcdef", "ghijklm"),
      ask("asks at once without one", "/body/shown"),
      post("does not read it where the route does without", "/body/allow/unread", "x".repeat(50)),
    ],
  },
  {
    title: "with the beginning of the body",
    filter: [...HTTP_SERVER, BODY(", allow_partial_message: true")],
    cases: [
      post("shows what fits", "/cut/allow", "short"),
      post("shows the beginning", "/cut/allow", "0123456789abcdef"),
      post("still sends all of it", "/cut/allow", "y".repeat(100_000)),
    ],
  },
  {
    title: "with bytes of the body",
    filter: [...GRPC_SERVER, BODY(", pack_as_bytes: true")],
    cases: [post("shows them", "/body/shown", "012\u00ff")],
  },
];

const STATS = "ok|denied|error|disabled|invalid|failure_mode_allowed";
const COUNTERS = new RegExp(
  `^http\\.in\\.ext_authz\\.[a-z.]*(${STATS})$|` +
    "^cluster\\.authz-[a-z]+\\.upstream_rq_(total|[0-9]xx)$",
);

describeWith(["envoy"], "Envoy's ext_authz filter and Outrigger's", () => {
  describe.each(SCENES)("$title", ({ cases, filter }) => {
    const lines = filter.map((line) => `              ${line}`);
    compareProxies({
      yaml: YAML.replace("$EXT_AUTHZ\n", `${lines.join("\n")}\n`),
      groups: { requests: cases },
      exchange: (proxy, one, origins) => proxy.exchange(rawOf(one), origins),
      counters: COUNTERS,
      servers: async () => {
        const servers = await AuthorizationServers.start();
        const ports = { AUTHZ_HTTP: servers.httpPort, AUTHZ_GRPC: servers.grpcPort };
        return { ports, stop: () => servers.stop() };
      },
    });
  });
});
