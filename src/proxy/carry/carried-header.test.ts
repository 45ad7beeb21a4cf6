import { beforeAll, describe, expect, it } from "vitest";
import { Http2Client } from "../../../test/support/http2-client.ts";
import { oneHop, originServer, running } from "../../../test/support/one-hop.ts";
import type { PeerServer } from "../../../test/support/peer.ts";
import {
  type MeshIdentity,
  meshIdentity,
  type ProxyPair,
  proxyPair,
} from "../../../test/support/proxy-pair.ts";
import type { ProxySetup } from "../../../test/support/proxy-setup.ts";
import { CARRIED_HEADER } from "./protocol.ts";

const TRAILERS = { http_protocol_options: { enable_trailers: true } };
const HCM = {
  ...TRAILERS,
  upgrade_configs: [{ upgrade_type: "websocket" }, { upgrade_type: "CONNECT" }],
  http2_protocol_options: { allow_connect: true },
};
const CONNECT_ROUTES = [{ match: { connect_matcher: {} }, route: { cluster: "origin" } }];
const MARKS = ["tcp", "http/1.1", "else"];
const CHUNKED = "transfer-encoding: chunked\r\n";

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

/** What a client asks, and an origin answers. */
interface Scene {
  readonly first: ProxySetup;
  readonly origin: PeerServer;
}

async function pairOf(carrying: boolean): Promise<Scene> {
  const options = { carrying, hcm: HCM, cluster: TRAILERS, behind: TRAILERS };
  const pair: ProxyPair = await proxyPair(identity, options);
  return { first: pair.outbound, origin: pair.origin };
}

async function aloneWith(routes?: readonly unknown[]): Promise<Scene> {
  const origin = await originServer();
  const options = { hcm: HCM, cluster: TRAILERS, ...(routes === undefined ? {} : { routes }) };
  return { first: await oneHop(origin, options), origin };
}

const WAYS: readonly (readonly [string, () => Promise<Scene>])[] = [
  ["two proxies that carry", () => pairOf(true)],
  ["two proxies that do not carry", () => pairOf(false)],
  ["one proxy", () => aloneWith()],
];

/** A POST with a trailer; gives all that the client gets. */
type Ask = (first: ProxySetup, mark: string, tail: string) => Promise<() => Promise<string>>;

/** `tail`: the mark as a trailer. */
const overHttp1: Ask = async (first, mark, tail) => {
  const client = await first.client();
  const head = `POST / HTTP/1.1\r\nHost: a\r\n${mark}${CHUNKED}\r\n`;
  client.sends(`${head}1\r\nq\r\n0\r\nX-Sum: 1\r\n${tail}\r\n`);
  return async () => {
    const interim = await client.receives("\r\n\r\n");
    const final = await client.receives("\r\n\r\n");
    return interim + final + (await client.receives("\r\n\r\n"));
  };
};

function fieldsOf(lines: string): Record<string, string> {
  const [name = "", value = ""] = lines.trimEnd().split(": ");
  return name === "" ? {} : { [name.toLowerCase()]: value };
}

const overHttp2: Ask = async (first, mark, tail) => {
  const client = await Http2Client.connect(first.port());
  running.push({ stop: () => client.closes() });
  const headers = { ":method": "POST", te: "trailers", ...fieldsOf(mark) };
  const call = client.opens("/", headers, false, { "x-sum": "1", ...fieldsOf(tail) });
  const interim: object[] = [];
  call.stream.on("headers", (fields) => interim.push(fields));
  call.stream.end("q");
  return async () => {
    const answer = await call.answer();
    return JSON.stringify({ interim, ...answer }).replaceAll('":"', ": ");
  };
};

const CLIENTS: readonly (readonly [string, Ask])[] = [
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
];

describe.each(WAYS)("with %s", (_way, start) => {
  describe.each(CLIENTS)("a client of %s", (_protocol, ask) => {
    it.each(["", ...MARKS])("neither says nor hears of %j how it is carried", async (value) => {
      const { first, origin } = await start();
      const mark = value === "" ? "" : `X-Outrigger-Carried: ${value}\r\n`;
      const answer = await ask(first, mark, mark);
      const upstream = await origin.accepts();
      const head = await upstream.receives("\r\n\r\n");
      const body = await upstream.receives("\r\n\r\n");
      expect(head).toMatch(/^POST \/ HTTP\/1.1\r\n/);
      expect(body).toBe("1\r\nq\r\n0\r\nx-sum: 1\r\n\r\n");
      expect(head.toLowerCase()).not.toContain("outrigger");
      upstream.sends(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n${mark}\r\n`);
      upstream.sends(`HTTP/1.1 200 OK\r\nx-own: 1\r\n${mark}${CHUNKED}\r\n`);
      upstream.sends(`1\r\na\r\n0\r\nx-end: 1\r\n${mark}\r\n`);
      const all = await answer();
      expect(all).toContain("link: </a>");
      expect(all).toContain("x-own: 1");
      expect(all).toContain("x-end: 1");
      expect(all.toLowerCase()).not.toContain("outrigger");
    });
  });

  it.each(MARKS)("a tunnel neither says nor hears of it, %s", async (value) => {
    const { first, origin } = await start();
    const mark = `X-Outrigger-Carried: ${value}\r\n`;
    const client = await first.client();
    const upgrade = `Connection: upgrade\r\nUpgrade: websocket\r\n${mark}\r\n`;
    client.sends(`GET / HTTP/1.1\r\nHost: a\r\n${upgrade}`);
    const upstream = await origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head.toLowerCase()).not.toContain("outrigger");
    upstream.sends(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}first`);
    const answer = await client.receives("first");
    expect(answer).toMatch(/^HTTP\/1.1 101 /);
    expect(answer.toLowerCase()).not.toContain("outrigger");
  });
});

describe("a CONNECT that claims to be carried", () => {
  it.each(MARKS)("over HTTP/1.1 is served as any other, %s", async (value) => {
    const { first, origin } = await aloneWith(CONNECT_ROUTES);
    const client = await first.client();
    client.sends(`CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n${CARRIED_HEADER}: ${value}\r\n\r\n`);
    const upstream = await origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head).toMatch(/^CONNECT a:80 HTTP\/1.1\r\n/);
    expect(head).not.toContain("outrigger");
    upstream.sends("HTTP/1.1 200 OK\r\nX-Outrigger-Carried: tcp\r\n\r\nfirst");
    const answer = await client.receives("first");
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer.toLowerCase()).not.toContain("outrigger");
  });

  it.each(MARKS)("over HTTP/2 is served as any other, %s", async (value) => {
    const { first, origin } = await aloneWith(CONNECT_ROUTES);
    const client = await Http2Client.connect(first.port());
    running.push({ stop: () => client.closes() });
    const head = { ":method": "CONNECT", ":authority": "a:80", [CARRIED_HEADER]: value };
    const stream = client.session.request(head, { endStream: false });
    stream.on("error", () => undefined);
    const upstream = await origin.accepts();
    expect(await upstream.receives("\r\n\r\n")).not.toContain("outrigger");
  });
});
