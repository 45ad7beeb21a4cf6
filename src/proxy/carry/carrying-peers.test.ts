import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { running } from "../../../test/support/one-hop.ts";
import type { Peer } from "../../../test/support/peer.ts";
import {
  type MeshIdentity,
  meshIdentity,
  originating,
  proxyPair,
  tcpListener,
  terminating,
} from "../../../test/support/proxy-pair.ts";
import { type ProxySetup, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { CARRIED_HEADER, CARRYING_ALPN, CARRYING_TCP_ALPN } from "./protocol.ts";

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

/** A client with a certificate of the mesh, which asks to have its connections carried. */
async function askToCarry(inbound: ProxySetup): Promise<TLSSocket> {
  const { authority, certificate } = identity;
  const socket = connect({
    host: "127.0.0.1",
    port: inbound.port(),
    ca: authority.pem,
    cert: certificate.chain,
    key: certificate.key,
    servername: "one.example",
    ALPNProtocols: [CARRYING_ALPN, CARRYING_TCP_ALPN],
  });
  running.push({ stop: () => void socket.destroy() });
  await once(socket, "secureConnect");
  return socket;
}

async function carrierOf(inbound: ProxySetup): Promise<ReturnType<typeof connectHttp2>> {
  const socket = await askToCarry(inbound);
  expect([CARRYING_ALPN, CARRYING_TCP_ALPN]).toContain(socket.alpnProtocol);
  const session = connectHttp2("https://one.example", { createConnection: () => socket });
  session.on("error", () => undefined);
  running.push({ stop: () => session.destroy() });
  return session;
}

describe("a TCP proxy that others' connections are carried to", () => {
  it.each([
    ["a request", { ":path": "/" }],
    ["a CONNECT without a mark", { ":method": "CONNECT", ":authority": "a:80" }],
    [
      "a CONNECT with another mark",
      { ":method": "CONNECT", ":authority": "a:80", [CARRIED_HEADER]: "http/1.1" },
    ],
  ])("refuses %s", async (_what, headers) => {
    const { inbound, origin } = await proxyPair(identity);
    const session = await carrierOf(inbound);
    const stream = session.request(headers);
    stream.on("error", () => undefined);
    const [head] = await once(stream, "response");
    expect(head[":status"]).toBe(403);
    expect(origin.connections).toBe(0);
    expect(inbound.proxy.telemetry.tcp("origin").value("downstream_cx_total")).toBe(0);
  });

  it("takes the others' connections all the same", async () => {
    const { inbound, origin } = await proxyPair(identity);
    const session = await carrierOf(inbound);
    const refused = session.request({ ":path": "/" });
    refused.on("error", () => undefined);
    const connected = session.request({
      ":method": "CONNECT",
      ":authority": "elsewhere:80",
      [CARRIED_HEADER]: "tcp",
    });
    connected.write("hello");
    await (await origin.accepts()).receives("hello");
    expect(inbound.proxy.telemetry.tcp("origin").value("downstream_cx_total")).toBe(1);
  });
});

it("connection managers refuse TCP connections that are carried to them", async () => {
  const hcm = { upgrade_configs: [{ upgrade_type: "CONNECT" }] };
  const { inbound, origin } = await proxyPair(identity, { hcm });
  const session = await carrierOf(inbound);
  const head = { ":method": "CONNECT", ":authority": "a:80", [CARRIED_HEADER]: "tcp" };
  const stream = session.request(head);
  stream.on("error", () => undefined);
  const [answer] = await once(stream, "response");
  expect(answer[":status"]).toBe(403);
  expect(origin.connections).toBe(0);
});

it.each([
  { what: "shows no certificate", context: { require_client_certificate: false } },
  { what: "is not verified", context: { common_tls_context: { validation_context: undefined } } },
  {
    what: "is let in unverified",
    context: {
      common_tls_context: { validation_context: { trust_chain_verification: "ACCEPT_UNTRUSTED" } },
    },
  },
])("nothing is carried for a client that $what", async ({ context }) => {
  const { typed_config } = terminating(identity);
  const common = { ...typed_config.common_tls_context, ...context.common_tls_context };
  const config = { ...typed_config, ...context, common_tls_context: common };
  const listener = tcpListener("origin");
  const [chain] = listener.filter_chains;
  const transport_socket = { name: "tls", typed_config: config };
  const filter_chains = [{ ...chain, transport_socket }];
  const setup = await startSetup([{ ...listener, filter_chains }], [staticCluster("origin", [1])]);
  running.push(setup);
  expect((await askToCarry(setup)).alpnProtocol).toBe(false);
});

/** An endpoint that is no Outrigger sidecar: it greets, and says what was offered to it. */
async function stranger(options: TlsOptions, offers: string[][]): Promise<ProxySetup> {
  const { authority, certificate } = identity;
  const server = createServer(
    { cert: certificate.chain, key: certificate.key, ca: authority.pem, ...options },
    (socket) => {
      socket.on("error", () => undefined);
      offers.push([String(socket.alpnProtocol)]);
      socket.write("220 ready");
      running.push({ stop: () => void socket.destroy() });
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({ stop: () => void server.close() });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const cluster = staticCluster("peer", [port], { transport_socket: originating(identity) });
  const setup = await startSetup([tcpListener("peer")], [cluster]);
  running.push(setup);
  return setup;
}

describe("an endpoint that carries nothing", () => {
  it.each([
    ["without ALPN", {}],
    ["that refuses all protocols offered", { ALPNProtocols: ["smtp"] }],
  ])("%s is spoken to as configured", async (_what, options) => {
    const protocols: string[][] = [];
    const setup = await stranger(options, protocols);
    for (let i = 0; i < 3; i++) {
      const client: Peer = await setup.client();
      await client.receives("220 ready");
    }
    expect(protocols).toEqual([["false"], ["false"], ["false"]]);
    expect(setup.stat("peer", "upstream_cx_total")).toBe(3);
    expect(setup.stat("peer", "upstream_cx_connect_fail")).toBe(0);
  });
});
