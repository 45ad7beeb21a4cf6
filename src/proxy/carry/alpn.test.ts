import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TlsOptions } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import {
  type MeshIdentity,
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
import { CARRYING_ALPN, CARRYING_TCP_ALPN } from "./protocol.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

type Kind = "http" | "tcp";

function listenerOf(kind: Kind): { filter_chains: object[] } & object {
  if (kind === "tcp") return tcpListener("peer");
  const routes = [{ match: { prefix: "/" }, route: { cluster: "peer" } }];
  return httpListener({ routes }) as { filter_chains: object[] };
}

/** A server of Node's own TLS, which answers one request of HTTP/1.1 on each connection. */
interface TlsServer {
  readonly port: number;
  /** Of each handshake with ALPN. */
  readonly offers: (readonly string[])[];
  /** Of each connection; false: on nothing. */
  readonly agreed: (string | false | null)[];
}

/** `knows`: the protocols that it accepts, and refuses all others; undefined: none of ALPN. */
async function serverOf(knows?: readonly string[]): Promise<TlsServer> {
  const { authority, certificate } = identity;
  const { chain: cert, key } = certificate;
  const seen: TlsServer = { port: 0, offers: [], agreed: [] };
  const ALPNCallback = ({ protocols }: { protocols: string[] }): string | undefined => {
    seen.offers.push(protocols);
    return protocols.find((protocol) => knows?.includes(protocol));
  };
  const alpn: TlsOptions = knows === undefined ? {} : { ALPNCallback };
  const server = createServer({ cert, key, ca: authority.pem, ...alpn }, (socket) => {
    running.push({ stop: () => void socket.destroy() });
    seen.agreed.push(socket.alpnProtocol);
    socket.on("error", () => undefined);
    socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({ stop: () => void server.close() });
  return Object.assign(seen, { port: (server.address() as AddressInfo).port });
}

interface Towards {
  readonly kind: Kind;
  readonly carrying?: boolean;
  /** The configured list. */
  readonly listed?: readonly string[];
  /** More of the cluster. */
  readonly cluster?: Record<string, unknown>;
}

/** Sends a request; gives all that comes back until the connection's end, or the answer's. */
async function askedOver({ port }: Pick<TlsServer, "port">, towards: Towards): Promise<string> {
  const { carrying = true, cluster, kind, listed = [] } = towards;
  const transport_socket = originating(identity, listed);
  const peer = staticCluster("peer", [port], { transport_socket, ...cluster });
  const setup = await startSetup([listenerOf(kind)], [peer], undefined, undefined, carrying);
  running.push(setup);
  const client = await setup.client();
  client.sends(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  return client.sees("end");
}

const OWN = CARRYING_ALPN;
const TCP = CARRYING_TCP_ALPN;
const ALPN_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const BY_ALPN = {
  typed_extension_protocol_options: {
    [ALPN_OPTIONS]: { "@type": `type.googleapis.com/${ALPN_OPTIONS}`, auto_config: {} },
  },
};

describe("a server is offered", () => {
  it.each([
    { kind: "http", listed: [], offered: [OWN, "http/1.1"] },
    { kind: "http", listed: ["http/1.1"], offered: [OWN, "http/1.1"] },
    { kind: "http", listed: ["mesh", "http/1.1"], offered: [OWN, "mesh", "http/1.1"] },
    { kind: "http", carrying: false, listed: [], offered: ["http/1.1"] },
    { kind: "http", carrying: false, listed: ["mesh", "a"], offered: ["mesh", "a"] },
    { kind: "tcp", listed: [], offered: [TCP] },
    { kind: "tcp", listed: ["mesh", "a"], offered: [TCP, "mesh", "a"] },
    { kind: "tcp", carrying: false, listed: ["mesh", "a"], offered: ["mesh", "a"] },
    { kind: "tcp", carrying: false, listed: [], offered: undefined },
    { kind: "http", cluster: OVER_HTTP2, offered: ["h2"] },
    { kind: "http", cluster: BY_ALPN, offered: ["h2", "http/1.1"] },
  ] as const)("$offered by $kind, carrying $carrying, listed $listed", async (each) => {
    const server = await serverOf([]);
    await askedOver(server, each);
    expect(server.offers[0]).toEqual(each.offered);
  });
});

describe.each([true, false])("a server that carries nothing, carrying here: %s", (carrying) => {
  it.each([
    { kind: "http", listed: [], knows: undefined, agreed: [false] },
    { kind: "http", listed: [], knows: ["http/1.1"], agreed: ["http/1.1"] },
    { kind: "http", listed: ["mesh"], knows: ["mesh", "h2"], agreed: ["mesh"] },
    { kind: "tcp", listed: [], knows: undefined, agreed: [false] },
    { kind: "tcp", listed: [], knows: ["h2"], agreed: [false] },
    { kind: "tcp", listed: ["mesh", "a"], knows: ["a"], agreed: ["a"] },
  ] as const)("that knows $knows serves $kind, listed $listed", async (each) => {
    const server = await serverOf(each.knows);
    expect(await askedOver(server, { ...each, carrying })).toMatch(/^HTTP\/1.1 200 .*ok$/s);
    expect(server.agreed).toEqual(each.agreed);
  });

  it.each([
    { kind: "http", listed: [], answer: /^HTTP\/1.1 503 / },
    { kind: "tcp", listed: ["mesh"], answer: /^$/ },
  ] as const)("that refuses what is listed refuses $kind", async (each) => {
    const server = await serverOf(["else"]);
    expect(await askedOver(server, { ...each, carrying })).toMatch(each.answer);
    expect(server.agreed).toEqual([]);
    expect(server.offers.at(-1)).toEqual(each.kind === "tcp" ? ["mesh"] : expect.anything());
  });
});

describe.each([
  { kind: "http", own: OWN, other: TCP },
  { kind: "tcp", own: TCP, other: OWN },
] as const)("a listener of $kind selects", ({ kind, own, other }) => {
  it.each([
    { offered: [own, "http/1.1"], selected: own },
    { offered: ["h2", "http/1.1", own], selected: own },
    { offered: ["http/1.1", "h2"], selected: "h2" },
    { offered: ["http/1.1", "else"], selected: "http/1.1" },
    { offered: ["else"], selected: false },
    { offered: [other, "http/1.1"], selected: "http/1.1" },
    { offered: [other, own], selected: own },
    { offered: undefined, selected: false },
    { offered: [own, "http/1.1"], carrying: false, selected: "http/1.1" },
    { offered: [own], carrying: false, selected: false },
    { offered: [own, "h2"], strangers: true, selected: "h2" },
  ] as const)("$selected of $offered, carrying $carrying, strangers $strangers", async (each) => {
    const { offered, selected, ...more } = each;
    const setup = await inboundOf(kind, more);
    const { authority, certificate } = identity;
    const socket = connect({
      host: "127.0.0.1",
      port: setup.port(),
      servername: "one.example",
      ca: authority.pem,
      cert: certificate.chain,
      key: certificate.key,
      ...(offered === undefined ? {} : { ALPNProtocols: [...offered] }),
    });
    running.push({ stop: () => void socket.destroy() });
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).toBe(selected);
  });
});

it.each([
  { kind: "http", behind: "tcp" },
  { kind: "tcp", behind: "http" },
] as const)("$kind goes to a peer's listener of $behind as it is", async ({ kind, behind }) => {
  const origin = await originServer();
  const inbound = await inboundOf(behind, {}, origin.port);
  const asking = askedOver({ port: inbound.port() }, { kind });
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  upstream.sends("HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 2\r\n\r\nok");
  upstream.ends();
  expect(await asking).toMatch(/^HTTP\/1.1 200 .*ok$/s);
});

interface Accepting {
  readonly carrying?: boolean;
  /** Clients need not show a certificate. */
  readonly strangers?: boolean;
}

async function inboundOf(kind: Kind, options: Accepting, port = 1): Promise<ProxySetup> {
  const { carrying = true, strangers = false } = options;
  const { typed_config, ...socket } = terminating(identity, ["h2", "http/1.1"]);
  const required = { ...typed_config, require_client_certificate: !strangers };
  const transport_socket = { ...socket, typed_config: required };
  const listener = listenerOf(kind);
  const filter_chains = [{ ...listener.filter_chains[0], transport_socket }];
  const inbound = { ...listener, filter_chains };
  const peer = staticCluster("peer", [port]);
  const setup = await startSetup([inbound], [peer], undefined, undefined, carrying);
  running.push(setup);
  return setup;
}
