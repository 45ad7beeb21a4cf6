/** Raw requests, and what they look at. Lines end in CRLF; `body` follows the empty line. */
export interface DifferentialCase {
  readonly name: string;
  readonly lines: readonly string[];
  readonly body?: string;
  /** They answer differently; docs/differences.md has a heading of this name, and says why. */
  readonly difference?: string;
}

function get(name: string, target: string, ...headers: string[]): DifferentialCase {
  return { name, lines: [`GET ${target} HTTP/1.1`, "Host: reviews", ...headers] };
}

function post(name: string, target: string, body: string, ...headers: string[]): DifferentialCase {
  const length = `Content-Length: ${body.length}`;
  return { name, lines: [`POST ${target} HTTP/1.1`, "Host: reviews", length, ...headers], body };
}

export function rawOf({ lines, body }: DifferentialCase): string {
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

/** A gRPC call, as far as HTTP/1.1 can tell. */
function grpc(name: string, target: string, ...headers: string[]): DifferentialCase {
  return get(name, target, "Content-Type: application/grpc", ...headers);
}

/** Grouped as docs/differences.md is. */
export const CASES: Readonly<Record<string, readonly DifferentialCase[]>> = {
  "routing and hosts": [
    get("forwards by the longest story: first match wins", "/a/first"),
    get("matches a prefix", "/b/anything?x=1"),
    get("matches an exact path", "/exact"),
    get("does not match an exact path with more behind it", "/exact/more"),
    get("matches a regex against the path without the query", "/v12/items?q=/v"),
    get("matches a separated prefix", "/sep/more"),
    get("does not match a separated prefix inside a word", "/separate"),
    get("matches letters of either case where told to", "/CASE/x"),
    get("matches a header exactly", "/by-header", "X-Version: two"),
    get("falls through where the header differs", "/by-header", "X-Version: three"),
    get("matches a header's absence", "/absent"),
    get("does not match absence where the header is there", "/absent", "X-Gone: 1"),
    get("matches a header by regex", "/by-regex", "X-Number: 123"),
    get("matches a query parameter", "/by-query?color=blue"),
    get("falls through without the query parameter", "/by-query?color=red"),
    {
      name: "matches a method",
      lines: ["PUT /by-method HTTP/1.1", "Host: reviews", "Content-Length: 0"],
    },
    {
      name: "takes the virtual host of an exact domain",
      lines: ["GET / HTTP/1.1", "Host: exact.test"],
    },
    {
      name: "takes the virtual host of a suffix domain",
      lines: ["GET / HTTP/1.1", "Host: a.suffix.test"],
    },
    {
      name: "takes the virtual host of a prefix domain",
      lines: ["GET / HTTP/1.1", "Host: prefix.xy"],
    },
    { name: "compares domains without case", lines: ["GET / HTTP/1.1", "Host: EXACT.Test"] },
    { name: "keeps the port in host matching", lines: ["GET / HTTP/1.1", "Host: exact.test:80"] },
    get("answers 404 where no route matches", "/nowhere"),
    get("answers 503 where the cluster does not exist", "/no-cluster"),
    get("answers 404 where told to, and the cluster does not exist", "/no-cluster-404"),
  ],
  "paths, redirects, direct responses": [
    get("rewrites a prefix", "/rewrite/this?x=1"),
    get("rewrites by regex", "/regex/42/end?y=2"),
    get("rewrites the host", "/host-rewrite"),
    get("redirects to https", "/to-https/a?b=c"),
    get("redirects to a host and path", "/to-host/a?b=c"),
    get("redirects a prefix, without the query", "/to-prefix/a?b=c"),
    get("redirects to a port with 308", "/to-port"),
    get("answers by itself", "/direct"),
    get("answers by itself without a body", "/direct-empty"),
    { name: "answers HEAD by itself", lines: ["HEAD /direct HTTP/1.1", "Host: reviews"] },
    get("normalises dots in a path", "/b/../a/./first"),
    get("merges slashes", "/b//x///y"),
    get("normalises escaped letters", "/%61/first"),
    get("keeps escaped slashes", "/b/x%2Fy"),
    {
      ...get("refuses a fragment", "/b/x#frag"),
      difference: "A bad request has a body that says so",
    },
  ],
  headers: [
    get("adds, overwrites and removes", "/mutate", "X-Remove: 1", "X-Over: old", "X-Keep: a"),
    get("fills in formatters", "/format", "X-In: hello"),
    get("appends x-forwarded-host on host rewrite", "/forwarded-host"),
    get("keeps a request id that came in", "/b/x", "X-Request-Id: mine"),
    get(
      "keeps x-forwarded-proto and -for",
      "/b/x",
      "X-Forwarded-For: 1.2.3.4",
      "X-Forwarded-Proto: https",
    ),
    get(
      "drops hop-by-hop headers",
      "/b/x",
      "Connection: keep-alive, X-Hop",
      "X-Hop: 1",
      "Keep-Alive: 5",
    ),
    get("passes TE: trailers", "/b/x", "TE: trailers"),
    get("drops other TE", "/b/x", "TE: gzip"),
    get(
      "drops internal headers that came in",
      "/b/x",
      "X-Envoy-Attempt-Count: 9",
      "X-Envoy-Internal: true",
    ),
    get("replaces the server header", "/b/x", "X-Origin-Header: server=apache"),
    get("removes a response header", "/mutate", "X-Origin-Header: x-secret=1"),
    get("keeps both of two equal headers", "/b/x", "X-Two: 1", "X-Two: 2"),
    get("keeps the origin's date", "/b/x", "X-Origin-Date: 1"),
  ],
  "bodies and framing": [
    post("forwards a body with its length", "/b/x", "hello"),
    {
      name: "forwards a chunked body",
      lines: ["POST /b/x HTTP/1.1", "Host: reviews", "Transfer-Encoding: chunked"],
      body: "5\r\nhello\r\n0\r\n\r\n",
    },
    get("forwards a chunked response", "/b/x", "X-Origin-Chunks: 1"),
    {
      name: "answers HEAD without a body",
      lines: ["HEAD /b/x HTTP/1.1", "Host: reviews"],
      difference: "HEAD has no transfer-encoding",
    },
    get("forwards 204", "/b/x", "X-Origin-Status: 204"),
    get("forwards 304", "/b/x", "X-Origin-Status: 304"),
    get("forwards 500", "/b/x", "X-Origin-Status: 500"),
    post("answers Expect: 100-continue", "/b/x", "hello", "Expect: 100-continue"),
    {
      name: "closes where the client asks",
      lines: ["GET /b/x HTTP/1.1", "Host: reviews", "Connection: close"],
    },
  ],
  "protocol errors and versions": [
    {
      name: "refuses HTTP/1.0 where not told to accept it",
      lines: ["GET /b/x HTTP/1.0", "Host: reviews"],
    },
    { name: "refuses a request without Host", lines: ["GET /b/x HTTP/1.1"] },
    { name: "refuses garbage", lines: ["NONSENSE"] },
    {
      name: "refuses both framings at once",
      lines: [
        "POST /b/x HTTP/1.1",
        "Host: reviews",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
      ],
      body: "0\r\n\r\n",
    },
    {
      name: "refuses two lengths",
      lines: ["POST /b/x HTTP/1.1", "Host: reviews", "Content-Length: 5", "Content-Length: 6"],
      body: "hello",
    },
    { name: "takes the absolute form", lines: ["GET http://exact.test/b HTTP/1.1", "Host: other"] },
    {
      name: "refuses CONNECT where not told to",
      lines: ["CONNECT reviews:80 HTTP/1.1", "Host: reviews:80"],
    },
    {
      name: "upgrades to a tunnel",
      difference: "The head of an upgrade is our own",
      lines: [
        "GET /upgrade HTTP/1.1",
        "Host: reviews",
        "Connection: Upgrade",
        "Upgrade: websocket",
      ],
    },
    {
      name: "refuses an upgrade that is not allowed",
      difference: "A refused upgrade is answered before the route",
      lines: ["GET /upgrade HTTP/1.1", "Host: reviews", "Connection: Upgrade", "Upgrade: other"],
    },
    get("refuses a head that is too long", "/b/x", `X-Long: ${"a".repeat(70_000)}`),
    get("refuses too many headers", "/b/x", ...Array.from({ length: 110 }, (_, i) => `X-${i}: 1`)),
  ],
  "retries, timeouts, failures": [
    get("retries a 503 and counts attempts", "/retry", "X-Origin-Status: 503"),
    get("does not retry a 404", "/retry", "X-Origin-Status: 404"),
    get("retries a reset", "/retry", "X-Origin-Reset: 1"),
    get("gives up after the route's timeout", "/timeout", "X-Origin-Silent: 1"),
    get("gives up after the timeout of each try", "/try-timeout", "X-Origin-Silent: 1"),
    get("says that nobody listens", "/refused"),
    {
      ...get("says that a cluster is empty", "/empty"),
      difference: "An attempt counts once it has a host",
    },
    get("says that the origin reset", "/b/x", "X-Origin-Reset: 1"),
    get("refuses what the limits do not allow", "/limited"),
  ],
  "gRPC calls": [
    grpc("is told gRPC's status of a direct response", "/direct"),
    grpc("is told gRPC's status of a redirect", "/to-host"),
    grpc("is told that there is no route", "/nowhere"),
    grpc("is told that there is no cluster", "/no-cluster"),
    grpc("is told that nobody listens", "/refused"),
    {
      ...grpc("is told that there is no host", "/empty"),
      difference: "An attempt counts once it has a host",
    },
    grpc("is told that a limit refused it", "/limited"),
    grpc("is told of the route's timeout", "/timeout", "X-Origin-Silent: 1"),
    grpc("is told of a retry's timeout", "/try-timeout", "X-Origin-Silent: 1"),
    grpc("is told of a reset", "/a", "X-Origin-Reset: 1"),
    grpc("passes a status in the head", "/a", "X-Origin-Header: grpc-status=5"),
    grpc("is tried again by its status", "/grpc-retry", "X-Origin-Header: grpc-status=14"),
    grpc("is not tried again by another", "/grpc-retry", "X-Origin-Header: grpc-status=5"),
    grpc("heeds its deadline", "/grpc-deadline", "grpc-timeout: 1S"),
    grpc("bounds its deadline", "/grpc-deadline", "grpc-timeout: 1H"),
    grpc("bounds a call without deadline", "/grpc-deadline"),
    grpc("takes what is no deadline for none", "/grpc-deadline", "grpc-timeout: 1s"),
    grpc("ends at its deadline", "/grpc-deadline", "grpc-timeout: 50m", "X-Origin-Silent: 1"),
    grpc("tells how long the stream may last", "/duration", "grpc-timeout: 5S"),
    grpc("ends when the stream has lasted", "/duration", "X-Origin-Silent: 1"),
    grpc("bounds how long the stream may last", "/grpc-duration", "grpc-timeout: 5S"),
    grpc("ends at the bound", "/grpc-duration", "grpc-timeout: 5S", "X-Origin-Silent: 1"),
    get("ends a stream that is no call", "/duration", "X-Origin-Silent: 1"),
    get("is no call as gRPC-Web", "/direct", "Content-Type: application/grpc-web"),
    get("is no call with parameters", "/direct", "Content-Type: application/grpc;a=b"),
  ],
  "whose Host comes of the request": [
    get("takes it from a header", "/host-header", "X-Host: other.example:81"),
    get("stays where there is no such header", "/host-header"),
    get("stays where the header is empty", "/host-header", "X-Host: "),
    get("takes it from the path, without the query", "/host-path/shop/x?q=/host-path/a/"),
    {
      ...get("is no Host where the path does not match", "/host-path/shop"),
      difference: "A Host that is none is not written",
    },
    get("has no timeout beside an empty duration", "/unbounded", "X-Origin-Chunks: 1"),
  ],
};

/** For differential-edge.yaml. */
export const EDGE_CASES: Readonly<Record<string, readonly DifferentialCase[]>> = {
  "whom it believes": [
    get("appends the client's address", "/", "X-Forwarded-For: 1.2.3.4"),
    get("overwrites the scheme that a client claims", "/", "X-Forwarded-Proto: https"),
    get("drops what only the mesh may say", "/", "X-Envoy-Upstream-Rq-Timeout-Ms: 1"),
    get("replaces a request id from outside", "/", "X-Request-Id: mine"),
    get("drops a forwarded client certificate", "/", "X-Forwarded-Client-Cert: By=me"),
  ],
  "what it says of itself": [
    get("adds via both ways", "/", "Via: 1.1 other"),
    get("passes the origin's server header", "/", "X-Origin-Header: server=apache"),
    get("gives the request id back", "/"),
    {
      ...get(
        "bounds the number of headers",
        "/",
        ...Array.from({ length: 25 }, (_, i) => `X-${i}: 1`),
      ),
      difference: "A head that is refused is answered before the listener's own headers",
    },
  ],
  splits: [get("sends nothing to a weight of 0, and adds the split's headers", "/split")],
  "HTTP/1.0": [
    { name: "answers and closes", lines: ["GET / HTTP/1.0", "Host: reviews"] },
    {
      name: "keeps the connection where asked",
      lines: ["GET / HTTP/1.0", "Host: reviews", "Connection: keep-alive"],
    },
    {
      name: "sends no chunks",
      lines: ["GET / HTTP/1.0", "Host: reviews", "X-Origin-Chunks: 1"],
    },
    {
      name: "wants a Host",
      lines: ["GET / HTTP/1.0"],
      difference: "A head that is refused is answered before the listener's own headers",
    },
  ],
};
