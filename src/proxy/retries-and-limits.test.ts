import { describe, expect, it } from "vitest";
import { answered, oneHop, originServer, running } from "../../test/support/one-hop.ts";
import { httpListener, startSetup, staticCluster } from "../../test/support/proxy-setup.ts";
import { VirtualClock } from "../base/clock.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

describe("retries", () => {
  const policy = (on: string) => ({
    match: { prefix: "/" },
    route: { cluster: "origin", retry_policy: { retry_on: on, num_retries: 1 } },
  });

  it("send the whole body again", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { routes: [policy("5xx")] });
    const client = await setup.client();
    client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    const first = await origin.accepts();
    await first.receives("hello");
    first.sends("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno");
    const second = await origin.accepts();
    await second.receives("hello");
    second.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    expect((await client.receivesResponse()).body).toBe("ok");
    expect(setup.stat("origin", "upstream_rq_retry")).toBe(1);
    expect(setup.stat("origin", "upstream_rq_retry_success")).toBe(1);
  });

  it("end at their number, and the last answer counts", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { routes: [policy("gateway-error")] });
    const client = await setup.client();
    client.sends(GET);
    for (const status of ["502 Bad Gateway", "503 Service Unavailable"]) {
      const upstream = await origin.accepts();
      await upstream.receives("\r\n\r\n");
      upstream.sends(`HTTP/1.1 ${status}\r\ncontent-length: 2\r\n\r\nno`);
    }
    expect((await client.receivesResponse()).head).toContain("503 Service Unavailable");
    expect(setup.stat("origin", "upstream_rq_retry_limit_exceeded")).toBe(1);
  });

  it("are not timed before they begin", async () => {
    const origin = await originServer();
    const retry_policy = {
      retry_on: "reset",
      num_retries: 2,
      per_try_timeout: "0.001s",
      retry_back_off: { base_interval: "100s", max_interval: "100s" },
    };
    const route = { cluster: "origin", timeout: "0s", retry_policy };
    const clock = new VirtualClock();
    const setup = await startSetup(
      [httpListener({ routes: [{ match: { prefix: "/" }, route }] })],
      [staticCluster("origin", [origin.port])],
      clock,
    );
    running.push(setup);
    const client = await setup.client();
    client.sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
    const first = await origin.accepts();
    await first.receives("\r\n\r\na");
    first.closes();
    const lost = "upstream_cx_destroy_with_active_rq";
    await expect.poll(() => setup.stat("origin", lost)).toBe(1);
    const received = setup.proxy.telemetry.http("in");
    const before = received.value("downstream_cx_rx_bytes_total");
    client.sends("b");
    await expect.poll(() => received.value("downstream_cx_rx_bytes_total")).toBe(before + 1);
    clock.advance(10);
    expect(setup.stat("origin", "upstream_rq_per_try_timeout")).toBe(0);
    expect(origin.connections).toBe(1);
  });

  it("use the connection again whose answer was whole", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { routes: [policy("5xx")] });
    const client = await setup.client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    await answered(upstream, "ok");
    expect((await client.receivesResponse()).body).toBe("ok");
    expect(origin.connections).toBe(1);
  });

  it("do not happen on a condition that the policy does not name", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { routes: [policy("connect-failure")] });
    const client = await setup.client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.closes();
    expect((await client.receivesResponse()).head).toContain("503 Service Unavailable");
    expect(origin.connections).toBe(1);
  });
});

describe("limits", () => {
  it("max_requests answers with overflow", async () => {
    const origin = await originServer();
    const cluster = { circuit_breakers: { thresholds: [{ max_requests: 1 }] } };
    const setup = await oneHop(origin, { cluster });
    const one = await setup.client();
    one.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    const two = await setup.client();
    two.sends(GET);
    const { head, body } = await two.receivesResponse();
    expect(head).toContain("x-envoy-overloaded: true\r\n");
    expect(body).toContain("reset reason: overflow");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    await one.receivesResponse();
  });

  it("max_connections lets requests wait for the connection", async () => {
    const origin = await originServer();
    const cluster = { circuit_breakers: { thresholds: [{ max_connections: 1 }] } };
    const setup = await oneHop(origin, { cluster });
    const one = await setup.client();
    one.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    const two = await setup.client();
    two.sends(GET);
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none");
    expect((await one.receivesResponse()).body).toBe("one");
    await answered(upstream, "two");
    expect((await two.receivesResponse()).body).toBe("two");
    expect(origin.connections).toBe(1);
  });
});
