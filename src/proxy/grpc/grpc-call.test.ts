import { describe, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";

interface Scene {
  readonly clock: VirtualClock;
  readonly origin: PeerServer;
  readonly setup: ProxySetup;
  readonly client: Peer;
}

/** One route with these fields of Envoy's RouteAction, or another action. */
async function setUp(route: object, action?: object): Promise<Scene> {
  const clock = new VirtualClock();
  const origin = await originServer();
  const forward = { route: { cluster: "origin", ...route } };
  const routes = [{ match: { prefix: "/" }, ...(action ?? forward) }];
  const listener = httpListener({ routes });
  const setup = await startSetup([listener], [staticCluster("origin", [origin.port])], clock);
  running.push(setup);
  return { clock, origin, setup, client: await setup.client() };
}

function call(client: Peer, fields = "", type = "application/grpc"): void {
  client.sends(`GET /a.B/C HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\n${fields}\r\n`);
}

it("the proxy's own answer to a call is a 200 that says gRPC's status", async () => {
  const body = { inline_string: "50% of them" };
  const { client } = await setUp({}, { direct_response: { status: 403, body } });
  call(client, "", "application/grpc+proto");
  const { head, body: sent } = await client.receivesResponse();
  expect(head).toContain(
    "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n" +
      "grpc-status: 7\r\ngrpc-message: 50%25 of them\r\n",
  );
  expect(head).toContain("content-length: 0");
  expect(sent).toBe("");
});

it("gRPC-Web is no gRPC call", async () => {
  const { client } = await setUp({}, { direct_response: { status: 403 } });
  call(client, "", "application/grpc-web");
  expect((await client.receivesResponse()).head).toContain("403 Forbidden");
});

it("a call that timed out counts as 504 with its cluster and as 200 with its client", async () => {
  const { client, clock, origin, setup } = await setUp({ timeout: "1s" });
  call(client);
  await (await origin.accepts()).receives("\r\n\r\n");
  clock.advance(1001);
  const { head } = await client.receivesResponse();
  expect(head).toContain("grpc-status: 14\r\ngrpc-message: upstream request timeout\r\n");
  const text = [...renderPrometheus(setup.proxy.telemetry.registry)].join("");
  expect(text).toMatch(/^envoy_cluster_upstream_rq\{envoy_response_code="504".*\} 1$/m);
  expect(text).toMatch(/^envoy_http_downstream_rq_xx\{envoy_response_code_class="2".*\} 1$/m);
});

it("a response that began in time must end in time as well", async () => {
  const { client, clock, origin, setup } = await setUp({ timeout: "1s" });
  client.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha");
  await client.receives("ha");
  clock.advance(1001);
  await client.sees("end");
  expect(setup.stat("origin", "upstream_rq_timeout")).toBe(1);
});

it.each([
  { name: "its own word", max: "0s", fields: "grpc-timeout: 1500m\r\n", sent: "1500m", ms: 1500 },
  { name: "the route's bound", max: "1s", fields: "grpc-timeout: 2S\r\n", sent: "1000m", ms: 1000 },
])(
  "a call's deadline is $name, and the upstream hears of it",
  async ({ max, fields, sent, ms }) => {
    const bound = { max_stream_duration: { grpc_timeout_header_max: max } };
    const { client, clock, origin } = await setUp({ timeout: "0.5s", ...bound });
    call(client, fields);
    const upstream = await origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head).toContain(`grpc-timeout: ${sent}\r\n`);
    expect(head).not.toContain("x-envoy-expected-rq-timeout-ms");
    clock.advance(ms - 1);
    expect(client.received).toBe("");
    clock.advance(2);
    expect((await client.receivesResponse()).head).toContain(
      "grpc-status: 4\r\ngrpc-message: downstream duration timeout\r\n",
    );
    await upstream.sees("end");
  },
);

describe("where a route has max_grpc_timeout", () => {
  it.each([
    { name: "its own deadline", max: "0s", fields: "grpc-timeout: 300m\r\n", ms: 300 },
    { name: "the bound", max: "0.5s", fields: "grpc-timeout: 2S\r\n", ms: 500 },
    { name: "the bound, where it has no deadline", max: "0.5s", fields: "", ms: 500 },
  ])("a call's timeout is $name", async ({ max, fields, ms }) => {
    const { client, clock, origin } = await setUp({ timeout: "9s", max_grpc_timeout: max });
    call(client, fields);
    const head = await (await origin.accepts()).receives("\r\n\r\n");
    expect(head).toContain(`grpc-timeout: ${ms}m\r\n`);
    expect(head).toContain(`x-envoy-expected-rq-timeout-ms: ${ms}\r\n`);
    clock.advance(ms - 1);
    expect(client.received).toBe("");
    clock.advance(2);
    expect((await client.receivesResponse()).head).toContain(
      "grpc-status: 14\r\ngrpc-message: upstream request timeout\r\n",
    );
  });

  it("a call without bound and deadline has no timeout", async () => {
    const { client, clock, origin } = await setUp({ timeout: "1s", max_grpc_timeout: "0s" });
    call(client);
    const upstream = await origin.accepts();
    expect(await upstream.receives("\r\n\r\n")).not.toContain("timeout");
    clock.advance(60_000);
    expect(client.received).toBe("");
  });

  it("what is no call has the route's timeout", async () => {
    const { client, clock, origin } = await setUp({ timeout: "1s", max_grpc_timeout: "0s" });
    client.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await (await origin.accepts()).receives("\r\n\r\n");
    clock.advance(1001);
    expect((await client.receivesResponse()).head).toContain("504 Gateway Timeout");
  });
});

it("a deadline means nothing where the route does not ask for it", async () => {
  const { client, clock, origin } = await setUp({ timeout: "0s" });
  call(client, "grpc-timeout: 10m\r\n");
  const upstream = await origin.accepts();
  expect(await upstream.receives("\r\n\r\n")).toContain("grpc-timeout: 10m\r\n");
  clock.advance(5000);
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\ngrpc-status: 0\r\n\r\n");
  expect((await client.receivesResponse()).head).toContain("grpc-status: 0");
});

it("a stream's longest duration ends a request that is not gRPC too", async () => {
  const { client, clock, origin } = await setUp({
    max_stream_duration: { max_stream_duration: "2s" },
  });
  client.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await (await origin.accepts()).receives("\r\n\r\n");
  clock.advance(2001);
  const { head, body } = await client.receivesResponse();
  expect(head).toContain("504 Gateway Timeout");
  expect(body).toBe("downstream duration timeout");
});

it("a request that is still being sent when its time is up is a 408", async () => {
  const { client, clock, origin } = await setUp({
    max_stream_duration: { max_stream_duration: "2s" },
  });
  client.sends("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhe");
  await (await origin.accepts()).receives("he");
  clock.advance(2001);
  expect((await client.receivesResponse()).head).toContain("408 Request Timeout");
});

const UNAVAILABLE = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ngrpc-status: 14\r\n\r\n";

it("a call that ends UNAVAILABLE at once is tried again where the route says so", async () => {
  const retry_policy = { retry_on: "unavailable,cancelled", num_retries: 1 };
  const { client, clock, origin, setup } = await setUp({ retry_policy });
  call(client);
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  upstream.sends(UNAVAILABLE);
  await expect.poll(() => setup.stat("origin", "upstream_rq_active")).toBe(0);
  clock.advance(30);
  expect(setup.stat("origin", "upstream_rq_retry")).toBe(1);
  // Nothing was left of the answer: its connection takes the next try.
  await upstream.receives("\r\n\r\n");
  upstream.sends(UNAVAILABLE);
  expect((await client.receivesResponse()).head).toContain("grpc-status: 14");
  expect(setup.stat("origin", "upstream_rq_retry_limit_exceeded")).toBe(1);
  expect(setup.stat("origin", "upstream_rq_retry_success")).toBe(0);
});

it("a status that the policy does not name is passed on", async () => {
  const retry_policy = { retry_on: "cancelled", num_retries: 1 };
  const { client, origin, setup } = await setUp({ retry_policy });
  call(client);
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  upstream.sends(UNAVAILABLE);
  expect((await client.receivesResponse()).head).toContain("grpc-status: 14");
  expect(setup.stat("origin", "upstream_rq_retry")).toBe(0);
});
