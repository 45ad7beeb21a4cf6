import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { oneHop, originServer } from "../../../test/support/one-hop.ts";

const REQUESTS = 24;
const BODY = "b".repeat(1_000_000);

/** Bytes that buffers hold once nobody's are given back. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().arrayBuffers;
}

it("a body is kept for retries no longer than until its answer comes", async () => {
  const origin = await originServer();
  const route = { cluster: "origin", retry_policy: { retry_on: "5xx" } };
  const setup = await oneHop(origin, { routes: [{ match: { prefix: "/" }, route }] });
  const asks = async (): Promise<() => Promise<void>> => {
    const client = await setup.client();
    client.sends(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    await upstream.receivesBytes(BODY.length);
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbegin");
    await client.receives("begin");
    return async () => {
      upstream.sends("again");
      await client.receives("again");
    };
  };
  const ends = [await asks()];
  const before = heldBytes();
  for (let i = 0; i < REQUESTS; i++) ends.push(await asks());
  expect(heldBytes() - before).toBeLessThan((REQUESTS * BODY.length) / 2);
  for (const end of ends) await end();
}, 30_000);
