import { expect, it } from "vitest";
import { oneHop, originServer } from "../../test/support/one-hop.ts";
import type { Peer } from "../../test/support/peer.ts";
import {
  readStrictnessVectors,
  type StrictnessVector,
} from "../../test/support/strictness-vectors.ts";

const FILE = new URL("../../test/vectors/http1/responses.md", import.meta.url);
const HEAD_END = "\r\n\r\n";
const NEXT = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
const MARK = "x-mark: next\r\n";

function requestOf({ options }: StrictnessVector): string {
  const method = options.find((option) => option.startsWith("method="))?.slice(7) ?? "GET";
  const old = options.includes("1.0");
  const kept = old ? "Connection: keep-alive\r\n" : "";
  return `${method} /first HTTP/1.${old ? 0 : 1}\r\nHost: a\r\n${kept}\r\n`;
}

/** All that the client gets for the first request. */
async function answerTo(client: Peer, closed: boolean): Promise<string> {
  if (closed) return await client.sees("end");
  const text = await client.receives(MARK);
  return text.slice(0, text.lastIndexOf("HTTP/1.1 200 OK\r\n"));
}

function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, code]) => Number(code));
}

it.each(readStrictnessVectors(FILE))("$name", async (vector) => {
  const origin = await originServer();
  const hcm = { http_protocol_options: { accept_http_10: true } };
  const setup = await oneHop(origin, { hcm });
  const client = await setup.client();
  client.sends(requestOf(vector));
  const first = await origin.accepts();
  await first.receives(HEAD_END);
  first.sends(vector.input);
  if (vector.options.includes("close")) first.ends();
  if (vector.upstream === "closed") await first.sees("end");
  // The next request shows which connections live on.
  const other = vector.closed ? await setup.client() : client;
  other.sends(NEXT);
  const second = vector.upstream === "kept" ? first : await origin.accepts();
  expect(await second.receives(HEAD_END)).toContain("GET /next ");
  second.sends(`HTTP/1.1 200 OK\r\n${MARK}Content-Length: 0\r\n\r\n`);
  const text = await answerTo(client, vector.closed);
  expect(statusesIn(text)).toEqual(vector.statuses);
  if (vector.body === undefined) return;
  expect(text.slice(text.indexOf(HEAD_END, text.lastIndexOf("HTTP/1.")) + 4)).toBe(vector.body);
  expect(text).not.toMatch(/x-private|keep-alive: timeout/);
});
