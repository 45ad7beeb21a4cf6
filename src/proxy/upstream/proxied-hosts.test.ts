import { describe, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import { connectPeer, type Peer, type PeerServer } from "../../../test/support/peer.ts";
import {
  meshIdentity,
  originating,
  tcpListener,
  terminating,
} from "../../../test/support/proxy-pair.ts";
import {
  httpListener,
  OVER_HTTP2,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions";
const RAW = {
  name: "raw",
  typed_config: { "@type": `${EXTENSIONS}.transport_sockets.raw_buffer.v3.RawBuffer` },
};
const FILTER = {
  name: "proxy",
  typed_config: { "@type": `${EXTENSIONS}.filters.listener.proxy_protocol.v3.ProxyProtocol` },
};

/** A cluster's transport socket that says for whom it is. */
function named(version: string, transport_socket: object = RAW): Record<string, unknown> {
  const typed_config = {
    "@type": `${EXTENSIONS}.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
    config: { version },
    transport_socket,
  };
  return { transport_socket: { name: "proxied", typed_config } };
}

async function forwarding(
  origin: PeerServer,
  cluster: Record<string, unknown>,
  listener: unknown = tcpListener("origin"),
): Promise<ProxySetup> {
  const setup = await startSetup([listener], [staticCluster("origin", [origin.port], cluster)]);
  running.push(setup);
  return setup;
}

const TO_ORIGIN = httpListener({
  routes: [{ match: { prefix: "/" }, route: { cluster: "origin" } }],
});

function portOf({ socket }: Peer): number {
  return socket.localPort ?? 0;
}

describe("a TCP connection to a cluster with PROXY protocol", () => {
  it("begins with a line of version 1, even where the server speaks first", async () => {
    const origin = await originServer();
    const setup = await forwarding(origin, named("V1"));
    const client = await setup.client();
    const upstream = await origin.accepts();
    const ports = `${portOf(client)} ${setup.port()}`;
    expect(await upstream.receives("\r\n")).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${ports}\r\n`);
    upstream.sends("welcome");
    await client.receives("welcome");
    client.sends("hello");
    expect(await upstream.receives("hello")).toBe("hello");
  });

  it("begins with a header of version 2, which counts as sent", async () => {
    const origin = await originServer();
    const setup = await forwarding(origin, named("V2"));
    const client = await setup.client();
    client.sends("hello");
    const received = await (await origin.accepts()).receives("hello");
    expect(received.slice(0, 16)).toBe("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
    expect(received).toHaveLength(28 + "hello".length);
    expect(setup.stat("origin", "upstream_cx_tx_bytes_total")).toBe(28 + "hello".length);
  });

  it("names the client that a proxy before it has named", async () => {
    const origin = await originServer();
    const listener = { ...tcpListener("origin"), listener_filters: [FILTER] };
    const setup = await forwarding(origin, named("V1"), listener);
    const client = await setup.client();
    const line = "PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n";
    client.sends(`${line}hello`);
    expect(await (await origin.accepts()).receives("hello")).toBe(`${line}hello`);
  });
});

describe("requests to a cluster with PROXY protocol", () => {
  const RESPONSE = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
  const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

  it("go over connections of their client's own, which are used again", async () => {
    const origin = await originServer();
    const setup = await forwarding(origin, named("V1"), TO_ORIGIN);
    for (let i = 1; i <= 2; i++) {
      const client = await setup.client();
      client.sends(REQUEST);
      const upstream = await origin.accepts();
      const [line] = (await upstream.receives("\r\n\r\n")).split("\r\n");
      expect(line).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${portOf(client)} ${setup.port()}`);
      upstream.sends(RESPONSE);
      await client.receivesResponse();
      client.sends(REQUEST);
      expect(await upstream.receives("\r\n\r\n")).toMatch(/^GET/);
      upstream.sends(RESPONSE);
      await client.receivesResponse();
      expect(setup.stat("origin", "upstream_cx_total")).toBe(i);
    }
  });

  it("are forgotten with the connections of clients that have gone", async () => {
    const origin = await originServer();
    const setup = await forwarding(origin, named("V1"), TO_ORIGIN);
    for (let i = 0; i < 100; i++) {
      const client = await connectPeer(setup.port());
      client.sends(REQUEST);
      const upstream = await origin.accepts();
      await upstream.receives("\r\n\r\n");
      upstream.sends("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      await client.receivesResponse();
      client.closes();
      upstream.closes();
    }
    expect(setup.stat("origin", "upstream_cx_total")).toBe(100);
    await expect.poll(() => setup.stat("origin", "upstream_cx_active")).toBe(0);
    const [host] = setup.proxy.dataPlane.clusters.slot("origin").cluster?.hosts ?? [];
    expect(host?.connections).toBe(0);
  });

  it("over HTTP/2 have the header before the preface", async () => {
    const origin = await originServer();
    const setup = await forwarding(origin, { ...named("V2"), ...OVER_HTTP2 }, TO_ORIGIN);
    const client = await setup.client();
    client.sends(REQUEST);
    const received = await (await origin.accepts()).receives("SM\r\n\r\n");
    expect(received.slice(28)).toBe("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  });
});

describe("PROXY protocol before TLS", () => {
  /** A proxy that takes the header off, terminates TLS, and tells its origin of the client. */
  async function behind(identity: Awaited<ReturnType<typeof meshIdentity>>, origin: PeerServer) {
    const inner = httpListener({
      hcm: { use_remote_address: true },
      routes: [{ match: { prefix: "/" }, route: { cluster: "origin" } }],
    }) as { filter_chains: object[] };
    const filter_chains = inner.filter_chains.map((chain) => ({
      ...chain,
      transport_socket: terminating(identity),
    }));
    return forwarding(origin, {}, { ...inner, filter_chains, listener_filters: [FILTER] });
  }

  it.each(["V1", "V2"])("is %s in plain bytes, and the connection works", async (version) => {
    const identity = await meshIdentity();
    const origin = await originServer();
    const inbound = await behind(identity, origin);
    const front = { ...tcpListener("origin"), listener_filters: [FILTER] };
    const port = { port: inbound.port() } as PeerServer;
    const outbound = await forwarding(port, named(version, originating(identity)), front);
    const client = await outbound.client();
    client.sends("PROXY TCP4 198.51.100.7 203.0.113.9 4711 443\r\n");
    client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const upstream = await origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head).toContain("x-forwarded-for: 198.51.100.7\r\n");
    const body = "x".repeat(300_000);
    upstream.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    expect((await client.receivesResponse()).body === body).toBe(true);
    client.ends();
    await client.sees("end");
  });

  it("is nobody's connection where none can be made", async () => {
    const identity = await meshIdentity();
    const closed = { port: 1 } as PeerServer;
    const setup = await forwarding(closed, named("V1", originating(identity)));
    await (await setup.client()).sees("end");
    expect(setup.stat("origin", "upstream_cx_connect_fail")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_active")).toBe(0);
  });
});
