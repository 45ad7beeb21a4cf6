import { expect, it, vi } from "vitest";
import { oneHop, originServer } from "../../../test/support/one-hop.ts";
import { RequestStream } from "./request-stream.ts";

it("a body is kept for retries no longer than until its answer comes", async () => {
  const begin = vi.spyOn(RequestStream.prototype, "begin");
  const origin = await originServer();
  const route = { cluster: "origin", retry_policy: { retry_on: "5xx" } };
  const setup = await oneHop(origin, { routes: [{ match: { prefix: "/" }, route }] });
  const client = await setup.client();
  client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nretry?");
  const upstream = await origin.accepts();
  await upstream.receives("retry?");
  const [stream] = begin.mock.contexts as RequestStream[];
  begin.mockRestore();
  expect(stream?.length).toBe(6);
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbegin");
  await client.receives("begin");
  expect(stream?.length).toBe(0);
  upstream.sends("again");
  await client.receives("again");
});
