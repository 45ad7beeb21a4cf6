/** Cases for two hops: what a stream between them must hand on as a connection would. */
import type { DifferentialCase } from "./differential-cases.ts";
import type { Script } from "./scripted-origin.ts";

const OK = "HTTP/1.1 200 OK\n";
const CHUNKED = "Transfer-Encoding: chunked\n";

/** Our own header, which an origin makes up. */
const MARK = "X-Outrigger-Carried: tcp\n";
const SUMMED = "5\nhello\n0\nX-Sum: 1\nx-two: 2\n\n";

/** By the value of `x-script`. */
export const SCRIPTS: Readonly<Record<string, Script>> = {
  plain: { answer: `${OK}Content-Length: 5\n\nhello` },
  hold: { answer: `${OK}Content-Length: 4\n\nheld` },
  empty: { answer: `${OK}Content-Length: 0\n\n` },
  old: { answer: "HTTP/1.0 200 OK\n\nuntil the end", after: "ends" },
  oldKept: { answer: "HTTP/1.0 200 OK\nConnection: keep-alive\nContent-Length: 4\n\nkept" },
  closes: { answer: `${OK}Connection: close\nContent-Length: 4\n\nlast`, after: "ends" },
  reason: { answer: "HTTP/1.1 404 Nobody Here\nContent-Length: 0\n\n" },
  early: {
    answer: `HTTP/1.1 103 Early Hints\nLink: </style.css>\n\n${OK}Content-Length: 4\n\nthen`,
  },
  processing: { answer: `HTTP/1.1 102 Processing\n\n${OK}Content-Length: 4\n\nthen` },
  trailers: {
    answer: `${OK}Transfer-Encoding: chunked\nTrailer: X-Sum\n\n${SUMMED}`,
  },
  tunnel: {
    answer: "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\nfirst",
    after: "ends",
  },
  cutLength: { answer: `${OK}Content-Length: 50\n\nonly this`, after: "ends" },
  cutChunk: { answer: `${OK}${CHUNKED}\n5\nhello\n`, after: "ends" },
  cutHead: { answer: `${OK}Content-Le`, after: "ends" },
  resets: { answer: "", after: "resets" },
  ends: { answer: "", after: "ends" },
  nonsense: { answer: "Not HTTP at all\n\n" },
  twoLengths: { answer: `${OK}Content-Length: 1\nContent-Length: 2\n\nxy` },
  oddNames: {
    answer: `${OK}X-MiXeD: Kept\nSet-Cookie: a=1\nSet-Cookie: b=2\nContent-Length: 0\n\n`,
  },
  carried: {
    answer: `${OK}${CHUNKED}${MARK}\n5\nhello\n0\nX-Sum: 1\n${MARK}\n`,
  },
};

export interface PairCase extends DifferentialCase {
  /** Its difference does not show unless both are ours. */
  readonly throughBoth?: true;
  /** Somebody sends our own header (docs/differences.md): ours hand on all but that. */
  readonly marked?: true;
}

function get(name: string, script: string, ...headers: string[]): DifferentialCase {
  return {
    name,
    lines: ["GET /script HTTP/1.1", "Host: reviews", `X-Script: ${script}`, ...headers],
  };
}

/** To a cluster of its own, as Envoy counts answers that it does not pass on. */
function hint(name: string, script: string): PairCase {
  const lines = ["GET /hints HTTP/1.1", "Host: reviews", `X-Script: ${script}`];
  return { name, lines, difference: "Interim answers are passed on", throughBoth: true };
}

function post(name: string, body: string, ...headers: string[]): DifferentialCase {
  const lines = ["POST /script HTTP/1.1", "Host: reviews", "X-Script: plain", ...headers];
  return { name, lines, body };
}

export const PAIR_CASES: readonly PairCase[] = [
  get("an answer with its length", "plain"),
  get("an answer without a body", "empty"),
  get("an answer in HTTP/1.0, until the connection's end", "old"),
  get("an answer in HTTP/1.0 that keeps the connection", "oldKept"),
  get("an origin that closes after its answer", "closes"),
  get("a reason phrase of the origin's own", "reason"),
  hint("a 103 before the answer", "early"),
  hint("a 102 before the answer", "processing"),
  get("trailers of an answer", "trailers", "TE: trailers"),
  get("trailers that nobody said to take", "trailers"),
  get("a body that ends before its length", "cutLength"),
  get("a body that ends between chunks", "cutChunk"),
  get("an origin that ends within its head", "cutHead"),
  get("an origin that resets", "resets"),
  get("an origin that ends without an answer", "ends"),
  get("an answer that is none", "nonsense"),
  get("an answer of two lengths", "twoLengths"),
  get("names in either case, and cookies", "oddNames"),
  get("cookies of a client", "plain", "Cookie: a=1", "Cookie: b=2; c=3"),
  get("an empty value", "plain", "X-Empty:", "X-Space:   "),
  get("bytes beyond ASCII", "plain", "X-Bytes: \xe4\xf6\xfc"),
  get("a header of 20 KiB", "plain", `X-Long: ${"a".repeat(20_000)}`),
  get("a client that will close", "plain", "Connection: close"),
  {
    ...get("a tunnel that the origin opens", "tunnel", "Connection: Upgrade", "Upgrade: websocket"),
    difference: "The head of an upgrade is our own",
  },
  post("a body with its length", "hello", "Content-Length: 5"),
  post("no body, with its length", "", "Content-Length: 0"),
  post("chunks", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
  post("an empty chunked body", "0\r\n\r\n", "Transfer-Encoding: chunked"),
  post(
    "trailers of a request",
    "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    "Transfer-Encoding: chunked",
    "Trailer: X-Sum",
  ),
  {
    ...get("our own header in a head, and in an answer", "carried", "X-Outrigger-Carried: tcp"),
    marked: true,
  },
  {
    ...post(
      "our own header among trailers",
      "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Outrigger-Carried: tcp\r\n\r\n",
      "Transfer-Encoding: chunked",
      "Trailer: X-Sum",
    ),
    marked: true,
  },
  {
    name: "HEAD",
    lines: ["HEAD /script HTTP/1.1", "Host: reviews", "X-Script: plain"],
  },
  {
    name: "OPTIONS *",
    lines: ["OPTIONS * HTTP/1.1", "Host: reviews", "X-Script: plain"],
  },
  {
    name: "a method of its own",
    lines: ["BREW /script HTTP/1.1", "Host: reviews", "X-Script: plain"],
  },
];
