import { expect, it } from "vitest";
import { originServer, running } from "../../test/support/one-hop.ts";
import type { PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import { VirtualClock } from "../base/clock.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async function setUp(
  route: object,
  hcm: Record<string, unknown> = {},
): Promise<{ clock: VirtualClock; origin: PeerServer; setup: ProxySetup }> {
  const clock = new VirtualClock();
  const origin = await originServer();
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin", ...route } }];
  const listener = httpListener({ hcm, routes });
  const setup = await startSetup([listener], [staticCluster("origin", [origin.port])], clock);
  running.push(setup);
  return { clock, origin, setup };
}

it("a response that does not come within the route's timeout is a 504", async () => {
  const { clock, origin, setup } = await setUp({ timeout: "2s" });
  const client = await setup.client();
  client.sends(GET);
  const upstream = await origin.accepts();
  expect(await upstream.receives("\r\n\r\n")).toContain("x-envoy-expected-rq-timeout-ms: 2000");
  clock.advance(1999);
  expect(client.received).toBe("");
  clock.advance(2);
  const { head, body } = await client.receivesResponse();
  expect(head).toContain("504 Gateway Timeout");
  expect(body).toBe("upstream request timeout");
  await upstream.sees("end");
  expect(setup.stat("origin", "upstream_rq_timeout")).toBe(1);
});

it("a try that takes too long is followed by another", async () => {
  const policy = { retry_on: "5xx", num_retries: 1, per_try_timeout: "1s" };
  const { clock, origin, setup } = await setUp({ timeout: "10s", retry_policy: policy });
  const client = await setup.client();
  client.sends(GET);
  const first = await origin.accepts();
  await first.receives("\r\n\r\n");
  clock.advance(1001);
  await first.sees("end");
  clock.advance(30);
  const second = await origin.accepts();
  expect(await second.receives("\r\n\r\n")).toContain("x-envoy-expected-rq-timeout-ms: 1000");
  second.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  expect((await client.receivesResponse()).body).toBe("ok");
  expect(setup.stat("origin", "upstream_rq_per_try_timeout")).toBe(1);
});

it("a request on which nothing moves is given up", async () => {
  const { clock, origin, setup } = await setUp({ timeout: "0s" }, { stream_idle_timeout: "3s" });
  const client = await setup.client();
  client.sends(GET);
  await (await origin.accepts()).receives("\r\n\r\n");
  clock.advance(3001);
  const { head, body } = await client.receivesResponse();
  expect(head).toContain("504 Gateway Timeout");
  expect(body).toBe("stream timeout");
});

it("a head that does not end is refused", async () => {
  const { clock, setup } = await setUp({}, { request_headers_timeout: "5s" });
  const client = await setup.client();
  client.sends("GET / HTTP/1.1\r\nHost: a\r\nx: ");
  // The bytes are there once a second connection has been served in full.
  const other = await setup.client();
  other.sends("GARBAGE\r\n\r\n");
  await other.receivesResponse();
  clock.advance(5001);
  expect((await client.receivesResponse()).head).toContain("408 Request Timeout");
});

it("a connection that is idle between requests is closed", async () => {
  const idle = { common_http_protocol_options: { idle_timeout: "4s" } };
  const { clock, origin, setup } = await setUp({}, idle);
  const client = await setup.client();
  client.sends(GET);
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  await client.receivesResponse();
  clock.advance(3999);
  expect(client.ended).toBe(false);
  clock.advance(2);
  await client.sees("end");
});

it("a head that comes byte by byte is refused all the same, whatever is configured", async () => {
  const { clock, setup } = await setUp({});
  const client = await setup.client();
  for (const byte of ["G", "E", "T"]) {
    client.sends(byte);
    // The byte is there once a second connection has been served in full.
    const other = await setup.client();
    other.sends("GARBAGE\r\n\r\n");
    await other.receivesResponse();
    clock.advance(25_000);
  }
  expect((await client.receivesResponse()).head).toContain("408 Request Timeout");
});
