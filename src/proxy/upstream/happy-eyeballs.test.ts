import { type AddressInfo, createServer } from "node:net";
import { afterEach, expect, it } from "vitest";
import { answered, originServer, running } from "../../../test/support/one-hop.ts";
import { httpListener, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { readClientHello } from "../../codec/tls/client-hello.ts";
import type { Resolve } from "../dns/resolver.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ROUTES = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];

function at(address: string, port_value: number) {
  return { address: { socket_address: { address, port_value } } };
}

/** A cluster of one endpoint with these addresses. */
function cluster(port: number, first: string, ...others: string[]): unknown {
  const additional_addresses = others.map((each) => at(each, port));
  const endpoint = { ...at(first, port), additional_addresses };
  const endpoints = [{ lb_endpoints: [{ endpoint }] }];
  return staticCluster("origin", [], { load_assignment: { cluster_name: "origin", endpoints } });
}

const stops: (() => void)[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

it("another address of an endpoint is tried where the first one refuses", async () => {
  const origin = await originServer();
  const clusters = [cluster(origin.port, "127.0.0.2", "::1", "127.0.0.1")];
  const setup = await startSetup([httpListener({ routes: ROUTES })], clusters);
  running.push(setup);
  const client = await setup.client();
  client.sends(GET);
  await answered(await origin.accepts());
  expect((await client.receivesResponse()).body).toBe("ok");
  expect(setup.stat("origin", "upstream_cx_connect_fail")).toBe(0);
  expect(setup.stat("origin", "upstream_cx_total")).toBe(1);
});

it("a logical name's addresses are ways to one endpoint", async () => {
  const origin = await originServer();
  const resolve: Resolve = () =>
    Promise.resolve({ addresses: ["127.0.0.2", "127.0.0.1"], ttlMs: undefined });
  const endpoints = [{ lb_endpoints: [{ endpoint: at("origin.test", origin.port) }] }];
  const named = staticCluster("origin", [], {
    type: "LOGICAL_DNS",
    load_assignment: { cluster_name: "origin", endpoints },
  });
  const listener = httpListener({ routes: ROUTES });
  const setup = await startSetup([listener], [named], undefined, resolve);
  running.push(setup);
  const client = await setup.client();
  client.sends(GET);
  await answered(await origin.accepts());
  expect((await client.receivesResponse()).body).toBe("ok");
  expect(setup.stat("origin", "membership_total")).toBe(1);
});

it("an endpoint that nobody reaches at any address is a 503", async () => {
  const origin = await originServer();
  const clusters = [cluster(origin.port, "127.0.0.2", "127.0.0.3")];
  const setup = await startSetup([httpListener({ routes: ROUTES })], clusters);
  running.push(setup);
  const client = await setup.client();
  client.sends(GET);
  const { head, body } = await client.receivesResponse();
  expect(head).toContain("503 Service Unavailable");
  expect(body).toContain("reset reason: remote connection failure");
  expect(setup.stat("origin", "upstream_cx_connect_fail")).toBe(1);
});

it("TLS to one of several addresses names no server that nobody configured", async () => {
  const hello = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (bytes: Buffer) => {
      hello.resolve(bytes);
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const tls = {
    name: "tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    },
  };
  const secure = { ...(cluster(port, "127.0.0.2", "127.0.0.1") as object), transport_socket: tls };
  const setup = await startSetup([httpListener({ routes: ROUTES })], [secure]);
  running.push(setup);
  const client = await setup.client();
  client.sends(GET);
  const read = readClientHello(await hello.promise);
  expect(read).toMatchObject({ serverName: "" });
});
