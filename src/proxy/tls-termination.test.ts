import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect as connectPlain } from "node:net";
import { type ConnectionOptions, connect, createServer, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../test/support/certificates.ts";
import { Peer, PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import { socketAddress } from "../model/address.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

let authority: TestAuthority;
let server: TestCertificate;
let other: TestCertificate;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  server = await authority.issue({ name: "one", sans: [{ type: "dns", value: "one.example" }] });
  other = await authority.issue({ name: "two", sans: [{ type: "dns", value: "two.example" }] });
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function certificateYaml({ chain, key }: TestCertificate): unknown {
  return {
    tls_certificates: [
      { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } },
    ],
  };
}

/** A listener's transport socket. */
function terminating(certificate: TestCertificate, common: object = {}, more: object = {}): object {
  const typed_config = {
    "@type": `${TLS}.DownstreamTlsContext`,
    common_tls_context: { ...(certificateYaml(certificate) as object), ...common },
    ...more,
  };
  return { name: "tls", typed_config };
}

/** A cluster's. */
function securing(common: object = {}, more: object = {}): object {
  const typed_config = {
    "@type": `${TLS}.UpstreamTlsContext`,
    common_tls_context: common,
    ...more,
  };
  return { name: "tls", typed_config };
}

const ROUTES = [{ match: { prefix: "/" }, route: { cluster: "up" } }];

interface ChainsYaml {
  readonly filter_chains: readonly Record<string, unknown>[];
}

/** The chain of an HTTP listener, with a match and a transport socket. */
function httpChain(name: string, transport_socket?: object, filter_chain_match?: object): unknown {
  const [chain] = (httpListener({ name, routes: ROUTES }) as ChainsYaml).filter_chains;
  return { ...chain, name, filter_chain_match, transport_socket };
}

function tcpChain(
  cluster: string,
  transport_socket?: object,
  filter_chain_match?: object,
): unknown {
  const typed_config = { "@type": TCP, stat_prefix: cluster, cluster };
  const filters = [{ name: "tcp", typed_config }];
  return { name: cluster, filters, filter_chain_match, transport_socket };
}

function listenerOf(filter_chains: readonly unknown[], more: object = {}): unknown {
  const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  return { name: "in", address, filter_chains, ...more };
}

async function setUp(listener: unknown, clusters: readonly unknown[]): Promise<ProxySetup> {
  const setup = await startSetup([listener], clusters);
  closing.push(() => setup.stop());
  return setup;
}

async function origin(): Promise<PeerServer> {
  const peers = await PeerServer.listen();
  closing.push(() => peers.close());
  return peers;
}

function portOf({ proxy }: ProxySetup): number {
  const bound = proxy.dataPlane.listeners.get("in")?.boundAddress;
  return bound?.kind === "socket" ? bound.port : 0;
}

async function secureClient(
  setup: ProxySetup,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port: portOf(setup),
    ca: authority.pem,
    servername: "one.example",
    ...options,
  });
  closing.push(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/** A chunked body as it was. */
function unchunked(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf("\r\n", at);
    const length = Number.parseInt(bytes.toString("latin1", at, end), 16);
    if (length === 0) break;
    pieces.push(bytes.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return Buffer.concat(pieces);
}

async function answerOne(peers: PeerServer): Promise<string> {
  const peer = await peers.accepts();
  const head = await peer.receives("\r\n\r\n");
  peer.sends(OK);
  return head;
}

describe("a listener that terminates TLS", () => {
  it("serves HTTP/1.1, and tells the origin that it came over TLS", async () => {
    const peers = await origin();
    const setup = await setUp(listenerOf([httpChain("in", terminating(server))]), [
      staticCluster("up", [peers.port]),
    ]);
    const client = new Peer(await secureClient(setup));
    const answered = answerOne(peers);
    client.sends(REQUEST);
    expect((await client.receivesResponse()).body).toBe("hi");
    expect(await answered).toMatch(/^x-forwarded-proto: https\r$/m);
    const stats = setup.proxy.telemetry.listenerTls(socketAddress("127.0.0.1", 0));
    expect(stats.value("handshake")).toBe(1);
    expect(stats.value("no_certificate")).toBe(1);
    const http = setup.proxy.telemetry.http("in");
    expect(http.value("downstream_cx_ssl_active")).toBe(1);
    client.closes();
    await expect.poll(() => http.value("downstream_cx_ssl_active")).toBe(0);
    expect(http.value("downstream_cx_ssl_total")).toBe(1);
  });

  it("serves HTTP/2 where ALPN settles on it", async () => {
    const peers = await origin();
    const socket = terminating(server, { alpn_protocols: ["h2", "http/1.1"] });
    const setup = await setUp(listenerOf([httpChain("in", socket)]), [
      staticCluster("up", [peers.port]),
    ]);
    const session = connectHttp2("https://one.example", {
      createConnection: () =>
        connect({
          host: "127.0.0.1",
          port: portOf(setup),
          ca: authority.pem,
          servername: "one.example",
          ALPNProtocols: ["h2"],
        }),
    });
    closing.push(() => session.destroy());
    const answered = answerOne(peers);
    const request = session.request({ ":path": "/" });
    request.resume();
    const [headers] = await once(request, "response");
    expect(headers[":status"]).toBe(200);
    await answered;
  });

  it.each(["plain", "TLS"])("carries long bodies both ways, to an origin of %s", async (kind) => {
    const echo = (request: IncomingMessage, response: ServerResponse): void => {
      request.pipe(response);
    };
    const pair = { cert: server.chain, key: server.key };
    const http = kind === "TLS" ? createHttpsServer(pair, echo) : createHttpServer(echo);
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    closing.push(() => http.close());
    const port = (http.address() as AddressInfo).port;
    const transport_socket = kind === "TLS" ? { transport_socket: securing() } : {};
    const setup = await setUp(listenerOf([httpChain("in", terminating(server))]), [
      staticCluster("up", [port], transport_socket),
    ]);
    const client = await secureClient(setup);
    const body = randomBytes(8 * 1024 * 1024);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n`);
    client.write(Buffer.concat([Buffer.from("Connection: close\r\n\r\n"), body]));
    const answer: Buffer[] = [];
    for await (const piece of client) answer.push(piece as Buffer);
    const whole = Buffer.concat(answer);
    const received = unchunked(whole.subarray(whole.indexOf("\r\n\r\n") + 4));
    expect(received.equals(body)).toBe(true);
  });

  it("gives each name its own certificate, and what has no chain none", async () => {
    const chains = [
      httpChain("one", terminating(server), { server_names: ["one.example"] }),
      httpChain("two", terminating(other), { server_names: ["*.example"] }),
    ];
    const setup = await setUp(listenerOf(chains), [staticCluster("up", [1])]);
    const subjects: (string | undefined)[] = [];
    for (const servername of ["one.example", "two.example"]) {
      const client = await secureClient(setup, { servername });
      subjects.push(client.getPeerX509Certificate()?.subject);
    }
    expect(subjects).toEqual(["CN=one", "CN=two"]);
    await expect(secureClient(setup, { servername: "elsewhere" })).rejects.toThrow();
    const stats = setup.proxy.telemetry.listener(socketAddress("127.0.0.1", 0));
    expect(stats.value("no_filter_chain_match")).toBe(1);
  });

  it("serves plain bytes beside it where a chain is for them", async () => {
    const peers = await origin();
    const chains = [
      httpChain("secure", terminating(server), { transport_protocol: "tls" }),
      httpChain("plain", undefined, { transport_protocol: "raw_buffer" }),
    ];
    const setup = await setUp(listenerOf(chains), [staticCluster("up", [peers.port])]);
    const plain = await setup.client();
    const answered = answerOne(peers);
    plain.sends(REQUEST);
    expect((await plain.receivesResponse()).body).toBe("hi");
    expect(await answered).toMatch(/^x-forwarded-proto: http\r$/m);
    expect((await secureClient(setup)).authorized).toBe(true);
  });

  it("goes on with TCP", async () => {
    const peers = await origin();
    const setup = await setUp(listenerOf([tcpChain("up", terminating(server))]), [
      staticCluster("up", [peers.port]),
    ]);
    const client = new Peer(await secureClient(setup));
    client.sends("hello");
    const peer = await peers.accepts();
    await peer.receives("hello");
    peer.sends("there");
    await client.receives("there");
    client.ends();
    await peer.sees("end");
    peer.ends();
    await client.sees("end");
  });

  it("closes whom it does not trust", async () => {
    const socket = terminating(
      server,
      { validation_context: { trusted_ca: { inline_string: authority.pem } } },
      { require_client_certificate: true },
    );
    const setup = await setUp(listenerOf([httpChain("in", socket)]), [staticCluster("up", [1])]);
    const client = await secureClient(setup);
    client.on("error", () => undefined);
    client.resume();
    await new Promise<void>((resolve) => client.once("close", () => resolve()));
    const stats = setup.proxy.telemetry.listenerTls(socketAddress("127.0.0.1", 0));
    expect(stats.value("fail_verify_no_cert")).toBe(1);
  });
});

describe("a listener that lets TLS pass", () => {
  it("chooses the cluster by the name in the hello", async () => {
    const hello: string[] = [];
    const port = await tlsEcho(hello, server);
    const chains = [
      tcpChain("up", undefined, { server_names: ["one.example"] }),
      tcpChain("elsewhere"),
    ];
    const setup = await setUp(listenerOf(chains), [
      staticCluster("up", [port]),
      staticCluster("elsewhere", [1]),
    ]);
    const client = new Peer(await secureClient(setup));
    client.sends("hello");
    await client.receives("hello");
    expect(hello).toEqual(["one.example"]);
  });
});

/** An origin of node:tls that sends back what it gets; its port. */
async function tlsEcho(names: string[], certificate: TestCertificate): Promise<number> {
  const echo = createServer({ cert: certificate.chain, key: certificate.key }, (socket) => {
    names.push(String(socket.servername));
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => socket.write(String(bytes).startsWith("GET ") ? OK : bytes));
    closing.push(() => socket.destroy());
  });
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  closing.push(() => echo.close());
  const address = echo.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("a cluster with TLS", () => {
  it("is asked over TLS, by its name", async () => {
    const names: string[] = [];
    const port = await tlsEcho(names, server);
    const validation_context = { trusted_ca: { inline_string: authority.pem } };
    const transport_socket = securing({ validation_context }, { sni: "one.example" });
    const setup = await setUp(httpListener({ routes: ROUTES }), [
      staticCluster("up", [port], { transport_socket }),
    ]);
    const client = await setup.client();
    client.sends(REQUEST);
    expect((await client.receivesResponse()).body).toBe("hi");
    expect(names).toEqual(["one.example"]);
    expect(setup.proxy.telemetry.clusterTls("up").value("handshake")).toBe(1);
  });

  it("that is not trusted answers 503, as in Envoy", async () => {
    const port = await tlsEcho([], server);
    const stranger = await TestAuthority.create("stranger");
    const validation_context = { trusted_ca: { inline_string: stranger.pem } };
    const setup = await setUp(httpListener({ routes: ROUTES }), [
      staticCluster("up", [port], { transport_socket: securing({ validation_context }) }),
    ]);
    const client = await setup.client();
    client.sends(REQUEST);
    const { body, head } = await client.receivesResponse();
    expect(head).toMatch(/^HTTP\/1.1 503 /);
    expect(body).toContain("reset reason: remote connection failure");
    expect(setup.proxy.telemetry.clusterTls("up").value("fail_verify_error")).toBe(1);
    expect(setup.stat("up", "upstream_cx_connect_fail")).toBe(1);
  });
});

describe("a TCP proxy to a cluster with TLS", () => {
  async function through(trusted: string): Promise<{ client: Peer; setup: ProxySetup }> {
    const validation_context = { trusted_ca: { inline_string: trusted } };
    const transport_socket = securing({ validation_context });
    const setup = await setUp(listenerOf([tcpChain("up")]), [
      staticCluster("up", [await tlsEcho([], server)], { transport_socket }),
    ]);
    return { client: await setup.client(), setup };
  }

  it("carries bytes over TLS", async () => {
    const { client } = await through(authority.pem);
    client.sends("hello");
    await client.receives("hello");
  });

  it("tells nothing to an endpoint that is not trusted", async () => {
    const { client, setup } = await through((await TestAuthority.create("stranger")).pem);
    client.sends("hello");
    expect(await client.sees("end")).toBe("");
    expect(setup.stat("up", "upstream_cx_connect_fail")).toBe(1);
  });
});

describe("bytes that are no hello", () => {
  it.each([
    { what: "too long a hello", bytes: Buffer.from([22, 3, 1, 0x3f, 0xff, 1, 0, 0xff, 0xff]) },
    { what: "half a hello", bytes: Buffer.from([22, 3, 1, 0, 60, 1, 0]) },
    { what: "nothing", bytes: Buffer.alloc(0) },
    { what: "a request", bytes: Buffer.from(REQUEST) },
    { what: "a broken hello", bytes: Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 3]) },
  ])("as $what cost the connection and no more", async ({ bytes }) => {
    const setup = await setUp(listenerOf([httpChain("in", terminating(server))]), [
      staticCluster("up", [1]),
    ]);
    const client = connectPlain({ host: "127.0.0.1", port: portOf(setup) });
    closing.push(() => client.destroy());
    client.on("error", () => undefined);
    client.resume();
    client.end(bytes);
    await new Promise<void>((resolve) => client.once("close", () => resolve()));
    expect((await secureClient(setup)).authorized).toBe(true);
    const faults = setup.proxy.telemetry.registry.tables.find(({ name }) => name === "faults");
    expect(faults?.row([]).cells[0]).toBe(0);
  });
});
