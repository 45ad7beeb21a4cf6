/** The differential cases as requests of HTTP/2, and more that only HTTP/2 has. */
import { connect, type OutgoingHttpHeaders } from "node:http2";
import {
  normalise,
  type Origins,
  type ProxyUnderTest,
  pairs,
  type SeenRequest,
} from "./differential.ts";
import { CASES, type DifferentialCase } from "./differential-cases.ts";

const ANSWER_MS = 5000;

/** What one request came to, normalised so that two can be compared. */
export interface Http2Outcome {
  /** Of each response in turn, 1xx included. */
  readonly statuses: readonly number[];
  readonly headers: readonly string[];
  readonly body: string;
  /** The code of RST_STREAM, 0 where there was none. */
  readonly reset: number;
  readonly seen: readonly SeenRequest[];
}

/** What has no meaning in HTTP/2, or no client sends. */
const ONLY_HTTP1 = new Set([
  "refuses a fragment",
  "drops hop-by-hop headers",
  "drops other TE",
  "forwards a chunked body",
  "closes where the client asks",
]);

/** What differs in HTTP/1.1 alone. */
const DIFFERS_ONLY_IN_HTTP1 = new Set(["HEAD has no transfer-encoding"]);

/** By group. */
export const HTTP2_CASES: Readonly<Record<string, readonly DifferentialCase[]>> = {
  ...Object.fromEntries(
    Object.entries(CASES)
      .filter(([group]) => group !== "protocol errors and versions")
      .map(([group, cases]) => [
        group,
        cases.filter(({ name }) => !ONLY_HTTP1.has(name)).map(inHttp2),
      ]),
  ),
  limits: [
    {
      name: "refuses too many headers",
      lines: ["GET /b/x HTTP/2", "Host: reviews", ...numbered(110)],
      difference: "A head that is too large is the client's fault",
    },
  ],
};

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `X-${index}: 1`);
}

function inHttp2(one: DifferentialCase): DifferentialCase {
  const { difference, ...same } = one;
  if (difference === undefined || DIFFERS_ONLY_IN_HTTP1.has(difference)) return same;
  return one;
}

function headersOf({ lines }: DifferentialCase): OutgoingHttpHeaders {
  const [line = "", ...fields] = lines;
  const [method = "", path = ""] = line.split(" ");
  const headers: Record<string, string | string[]> = { ":method": method, ":path": path };
  for (const field of fields) {
    const colon = field.indexOf(":");
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    if (name === "host") headers[":authority"] = value;
    else headers[name] = headers[name] === undefined ? value : [headers[name], value].flat();
  }
  return headers;
}

/** Sends one case on a connection of its own, and reads until its stream is over. */
export async function exchangeHttp2(
  proxy: ProxyUnderTest,
  one: DifferentialCase,
  origins: Origins,
): Promise<Http2Outcome> {
  origins.take();
  const answer = await ask(proxy.port, one);
  return { ...answer, seen: origins.take() };
}

function ask(port: number, one: DifferentialCase): Promise<Omit<Http2Outcome, "seen">> {
  const session = connect(`http://127.0.0.1:${port}`);
  const statuses: number[] = [];
  let headers: string[] = [];
  let body = "";
  return new Promise((resolve, reject) => {
    const stream = session.request(headersOf(one), { endStream: one.body === undefined });
    const timer = setTimeout(() => reject(new Error(`no end of ${one.name}`)), ANSWER_MS);
    stream.on("continue", () => statuses.push(100));
    stream.on("headers", (head) => statuses.push(Number(head[":status"])));
    stream.on("response", (head, _flags, raw?: string[]) => {
      statuses.push(Number(head[":status"]));
      headers = normalise(pairs(raw ?? []).filter((line) => !line.startsWith(":status")));
    });
    stream.on("data", (bytes: Buffer) => {
      body += bytes.toString("latin1");
    });
    stream.on("error", () => undefined);
    session.on("error", () => undefined);
    stream.on("close", () => {
      clearTimeout(timer);
      session.destroy();
      resolve({ statuses, headers, body, reset: stream.rstCode });
    });
    if (one.body !== undefined) stream.end(one.body);
  });
}
