import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { answered, originServer, running } from "../../test/support/one-hop.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import { VirtualClock } from "../base/clock.ts";
import type { Resolve } from "./dns/resolver.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const TO_ORIGIN = { match: { prefix: "/" }, route: { cluster: "origin" } };

async function setUp(clusters: unknown[], route: object = TO_ORIGIN): Promise<ProxySetup> {
  const setup = await startSetup([httpListener({ routes: [route] })], clusters);
  running.push(setup);
  return setup;
}

it("an endpoint may be a Unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-"));
  running.push({ stop: () => rmSync(folder, { recursive: true }) });
  const path = join(folder, "origin.sock");
  const origin = await originServer(path);
  const endpoint = { endpoint: { address: { pipe: { path } } } };
  const endpoints = [{ lb_endpoints: [endpoint] }];
  const more = { load_assignment: { cluster_name: "origin", endpoints } };
  const client = await (await setUp([staticCluster("origin", [], more)])).client();
  client.sends(GET);
  const upstream = await origin.accepts();
  for (let i = 0; i < 2; i++) {
    await answered(upstream);
    expect((await client.receivesResponse()).body).toBe("ok");
    if (i === 0) client.sends(GET);
  }
  expect(origin.connections).toBe(1);
});

it("a Unix socket where nobody listens is a 503 UF", async () => {
  const path = join(tmpdir(), "outrigger-nobody-listens.sock");
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }];
  const more = { load_assignment: { cluster_name: "origin", endpoints } };
  const setup = await setUp([staticCluster("origin", [], more)]);
  const client = await setup.client();
  client.sends(GET);
  const { head, body } = await client.receivesResponse();
  expect(head).toContain("503 Service Unavailable");
  expect(body).toContain("reset reason: remote connection failure");
  expect(setup.stat("origin", "upstream_cx_connect_fail")).toBe(1);
});

describe("upstream_bind_config", () => {
  const boundTo = (address: string) => ({
    upstream_bind_config: { source_address: { address, port_value: 0 } },
  });

  it("is the address that the origin sees", async () => {
    const origin = await originServer();
    const cluster = staticCluster("origin", [origin.port], boundTo("127.0.0.6"));
    const client = await (await setUp([cluster])).client();
    client.sends(GET);
    const upstream = await origin.accepts();
    expect(upstream.socket.remoteAddress).toBe("127.0.0.6");
    await answered(upstream);
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("with an address that is not this machine's is a 503 and a bind error", async () => {
    const origin = await originServer();
    const cluster = staticCluster("origin", [origin.port], boundTo("192.0.2.1"));
    const setup = await setUp([cluster]);
    const client = await setup.client();
    client.sends(GET);
    const { head, body } = await client.receivesResponse();
    expect(head).toContain("503 Service Unavailable");
    expect(body).toContain("reset reason: local connection failure");
    expect(setup.stat("origin", "bind_errors")).toBe(1);
    expect(origin.connections).toBe(0);
  });
});

it("a connection carries max_requests_per_connection and is closed", async () => {
  const origin = await originServer();
  const more = { common_http_protocol_options: { max_requests_per_connection: 2 } };
  const setup = await setUp([staticCluster("origin", [origin.port], more)]);
  const client = await setup.client();
  for (let round = 0; round < 2; round++) {
    client.sends(GET);
    const upstream = await origin.accepts();
    await answered(upstream, "one");
    expect((await client.receivesResponse()).body).toBe("one");
    client.sends(GET);
    await answered(upstream, "two");
    expect((await client.receivesResponse()).body).toBe("two");
    await upstream.sees("end");
  }
  expect(origin.connections).toBe(2);
  expect(setup.stat("origin", "upstream_cx_max_requests")).toBe(2);
});

it("a connection is not used again where the origin says close", async () => {
  const origin = await originServer();
  const setup = await setUp([staticCluster("origin", [origin.port])]);
  const client = await setup.client();
  for (let round = 0; round < 2; round++) {
    client.sends(GET);
    const upstream = await origin.accepts();
    await answered(upstream, "ok", "connection: close\r\n");
    expect((await client.receivesResponse()).head).not.toContain("connection: close");
    await upstream.sees("end");
  }
  expect(setup.stat("origin", "upstream_cx_close_notify")).toBe(2);
});

describe("DNS clusters", () => {
  const named = (type: string, port: number) => {
    const address = { socket_address: { address: "origin.test", port_value: port } };
    const endpoints = [{ lb_endpoints: [{ endpoint: { address } }] }];
    const load_assignment = { cluster_name: "origin", endpoints };
    return staticCluster("origin", [], { type, load_assignment });
  };

  it.each(["STRICT_DNS", "LOGICAL_DNS"])("of type %s ask for the name", async (type) => {
    const origin = await originServer();
    const asked: string[] = [];
    const resolve: Resolve = (name) => {
      asked.push(name);
      return Promise.resolve({ addresses: ["127.0.0.1"], ttlMs: undefined });
    };
    const listener = httpListener({ routes: [TO_ORIGIN] });
    const clusters = [named(type, origin.port)];
    const setup = await startSetup([listener], clusters, undefined, resolve);
    running.push(setup);
    const client = await setup.client();
    client.sends(GET);
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).body).toBe("ok");
    expect(asked).toEqual(["origin.test"]);
  });

  it("of type LOGICAL_DNS keep their connections wherever the name moves", async () => {
    const origin = await originServer();
    const clock = new VirtualClock();
    // Nobody listens at the second answer's address.
    const answers = [["127.0.0.1", "127.0.0.2"], ["127.0.0.2"]];
    const resolve: Resolve = () =>
      Promise.resolve({ addresses: answers.shift() ?? [], ttlMs: undefined });
    const listener = httpListener({ routes: [TO_ORIGIN] });
    const clusters = [named("LOGICAL_DNS", origin.port)];
    const setup = await startSetup([listener], clusters, clock, resolve);
    running.push(setup);
    const client = await setup.client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await answered(upstream);
    expect((await client.receivesResponse()).body).toBe("ok");
    const { cluster } = setup.proxy.dataPlane.clusters.slot("origin");
    const [host] = cluster?.hosts ?? [];
    clock.advance(5000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(cluster?.hosts[0]).toBe(host);
    expect(host?.text).toBe(`127.0.0.2:${origin.port}`);
    const later = await setup.client();
    later.sends(GET);
    await answered(upstream);
    expect((await later.receivesResponse()).body).toBe("ok");
    expect(origin.connections).toBe(1);
  });

  it("follow the name when it moves, and keep no connection to where it was", async () => {
    const origin = await originServer();
    const clock = new VirtualClock();
    // At the first answer's address nobody listens, nor at the third's.
    const answers = [["127.0.0.2"], ["127.0.0.1"], ["127.0.0.3"]];
    const resolve: Resolve = () =>
      Promise.resolve({ addresses: answers.shift() ?? [], ttlMs: undefined });
    const listener = httpListener({ routes: [TO_ORIGIN] });
    const clusters = [named("STRICT_DNS", origin.port)];
    const setup = await startSetup([listener], clusters, clock, resolve);
    running.push(setup);
    const client = await setup.client();
    client.sends(GET);
    expect((await client.receivesResponse()).body).toContain("remote connection failure");
    clock.advance(5000);
    client.sends(GET);
    const upstream = await origin.accepts();
    await answered(upstream);
    expect((await client.receivesResponse()).body).toBe("ok");
    clock.advance(5000);
    await upstream.sees("end");
    client.sends(GET);
    expect((await client.receivesResponse()).body).toContain("remote connection failure");
    expect(origin.connections).toBe(1);
  });
});
