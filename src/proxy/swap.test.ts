import { expect, it } from "vitest";
import { answered, originServer, running } from "../../test/support/one-hop.ts";
import type { PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import type { ProxyConfig } from "../model/bootstrap.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async function setUp(one: PeerServer, two: PeerServer): Promise<ProxySetup> {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "one" } }];
  const clusters = [staticCluster("one", [one.port]), staticCluster("two", [two.port])];
  const setup = await startSetup([httpListener({ routes })], clusters);
  running.push(setup);
  return setup;
}

/** The running configuration, changed in its text. */
function changed(setup: ProxySetup, from: string, to: string): ProxyConfig {
  const { listeners, clusters } = setup.proxy.bootstrap;
  const config = { listeners, clusters, routes: [], endpoints: [] };
  return JSON.parse(JSON.stringify(config).replaceAll(from, to)) as ProxyConfig;
}

it("a request ends on the configuration that it began with", async () => {
  const one = await originServer();
  const two = await originServer();
  const setup = await setUp(one, two);
  const client = await setup.client();
  client.sends(GET);
  const upstream = await one.accepts();
  await upstream.receives("\r\n\r\n");
  await setup.proxy.apply(changed(setup, '"cluster":"one"', '"cluster":"two"'));
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none");
  expect((await client.receivesResponse()).body).toBe("one");
  const next = await setup.client();
  next.sends(GET);
  await answered(await two.accepts(), "two");
  expect((await next.receivesResponse()).body).toBe("two");
});

it("connections to endpoints that stay are kept", async () => {
  const one = await originServer();
  const two = await originServer();
  const setup = await setUp(one, two);
  const client = await setup.client();
  client.sends(GET);
  const upstream = await one.accepts();
  await answered(upstream, "1");
  await client.receivesResponse();
  await setup.proxy.apply(changed(setup, '"maxRequests":1024', '"maxRequests":7'));
  client.sends(GET);
  await answered(upstream, "2");
  expect((await client.receivesResponse()).body).toBe("2");
  expect(one.connections).toBe(1);
});

it("a configuration that cannot be compiled changes nothing", async () => {
  const one = await originServer();
  const two = await originServer();
  const setup = await setUp(one, two);
  const bad = changed(setup, '"kind":"prefix","value":"/"', '"kind":"regex","value":"("');
  await expect(setup.proxy.apply(bad)).rejects.toThrow("in: ");
  const client = await setup.client();
  client.sends(GET);
  await answered(await one.accepts(), "still");
  expect((await client.receivesResponse()).body).toBe("still");
});

it("everything that cannot be compiled is told at once, by kind and name", async () => {
  const origin = await originServer();
  const setup = await setUp(origin, origin);
  const bad = changed(setup, '"kind":"prefix","value":"/"', '"kind":"regex","value":"("');
  const [listener] = bad.listeners;
  const listeners = listener === undefined ? [] : [listener, { ...listener, name: "other" }];
  await expect(setup.proxy.apply({ ...bad, listeners })).rejects.toThrow(
    /^listener in: filter_chains\[0\]: .+\nlistener other: filter_chains\[0\]: .+$/,
  );
});

it("a cluster that is gone is answered with 503, and its idle connections end", async () => {
  const one = await originServer();
  const two = await originServer();
  const setup = await setUp(one, two);
  const client = await setup.client();
  client.sends(GET);
  const upstream = await one.accepts();
  await answered(upstream, "1");
  await client.receivesResponse();
  const config = changed(setup, "", "");
  await setup.proxy.apply({ ...config, clusters: config.clusters.slice(1) });
  await upstream.sees("end");
  client.sends(GET);
  expect((await client.receivesResponse()).head).toContain("503 Service Unavailable");
});

it("a listener that cannot be bound changes nothing else either", async () => {
  const one = await originServer();
  const two = await originServer();
  const setup = await setUp(one, two);
  const taken = await originServer();
  const moved = changed(setup, '"cluster":"one"', '"cluster":"two"');
  const [listener] = moved.listeners;
  if (listener === undefined) throw new Error("no listener");
  const address = { kind: "socket", host: "127.0.0.1", port: taken.port } as const;
  const bad = { ...moved, listeners: [listener, { ...listener, name: "second", address }] };
  await expect(setup.proxy.apply(bad)).rejects.toThrow(/^listener second: .*EADDRINUSE/);
  expect(setup.proxy.dataPlane.listeners.listeners.length).toBe(1);
  const client = await setup.client();
  client.sends(GET);
  await answered(await one.accepts(), "still");
  expect((await client.receivesResponse()).body).toBe("still");
  await setup.proxy.apply(moved);
  const next = await setup.client();
  next.sends(GET);
  await answered(await two.accepts(), "two");
  expect((await next.receivesResponse()).body).toBe("two");
});

it("a listener under a new name takes over the address of the old one", async () => {
  const one = await originServer();
  const two = await originServer();
  const setup = await setUp(one, two);
  const before = setup.proxy.dataPlane.listeners.get("in")?.boundAddress;
  const config = changed(setup, "", "");
  const renamed = config.listeners.map((listener) => ({ ...listener, name: "other" }));
  await setup.proxy.apply({ ...config, listeners: renamed });
  expect(setup.proxy.dataPlane.listeners.get("other")?.boundAddress).toEqual(before);
  const client = await setup.client("other");
  client.sends(GET);
  await answered(await one.accepts(), "1");
  expect((await client.receivesResponse()).body).toBe("1");
});

it("a listener that is new while all are drained does not listen", async () => {
  const origin = await originServer();
  const setup = await setUp(origin, origin);
  const { listeners } = setup.proxy.dataPlane;
  listeners.drain({ inboundOnly: false, patienceMs: 0 });
  await setup.proxy.apply(changed(setup, '"name":"in"', '"name":"late"'));
  expect(listeners.get("late")?.config.name).toBe("late");
  expect(listeners.get("late")?.boundAddress).toBeUndefined();
});
