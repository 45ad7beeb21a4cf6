import { beforeAll, describe, expect, it } from "vitest";
import { answered } from "../../../test/support/one-hop.ts";
import type { Peer } from "../../../test/support/peer.ts";
import {
  type MeshIdentity,
  meshIdentity,
  type ProxyPair,
  proxyPair,
} from "../../../test/support/proxy-pair.ts";

const CHUNKED_POST = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const CHUNKED_OK = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

/** A pair of connection managers, `hcm` their options and `cluster` those of the way between. */
function pairOf(
  carrying: boolean,
  hcm: Record<string, unknown> = {},
  cluster: Record<string, unknown> = {},
): Promise<ProxyPair> {
  return proxyPair(identity, { carrying, hcm, cluster, behind: cluster });
}

/** `ours`, `theirs`: whether the outbound and the inbound side keep HTTP/1.1's trailers. */
function trailersOf(carrying: boolean, ours: boolean, theirs: boolean): Promise<ProxyPair> {
  const keeping = (enable_trailers: boolean): Record<string, unknown> => ({
    http_protocol_options: { enable_trailers },
  });
  return proxyPair(identity, {
    carrying,
    hcm: keeping(ours),
    cluster: keeping(ours),
    behindHcm: keeping(theirs),
    behind: keeping(theirs),
  });
}

async function asks(pair: ProxyPair, text = GET): Promise<Peer> {
  const client = await pair.client();
  client.sends(text);
  return client;
}

describe.each([true, false])("HTTP/1.1 between two sidecars, carried: %s", (carrying) => {
  it("is answered, and is counted by connection", async () => {
    const pair = await pairOf(carrying);
    const client = await asks(pair);
    const head = await answered(await pair.origin.accepts(), "hello");
    expect(head).toContain("GET / HTTP/1.1\r\n");
    expect(head).not.toContain("x-outrigger");
    expect((await client.receivesResponse()).body).toBe("hello");
    expect(pair.outbound.stat("peer", "upstream_cx_http1_total")).toBe(1);
    expect(pair.outbound.stat("peer", "upstream_cx_active")).toBe(1);
    expect(pair.outbound.stat("peer", "upstream_rq_total")).toBe(1);
  });

  it("is held to one connection and one that waits", async () => {
    const thresholds = [{ max_connections: 1, max_pending_requests: 1 }];
    const pair = await pairOf(carrying, {}, { circuit_breakers: { thresholds } });
    const first = await asks(pair);
    const upstream = await pair.origin.accepts();
    await upstream.receives("\r\n\r\n");
    const second = await asks(pair);
    await expect.poll(() => pair.outbound.stat("peer", "upstream_rq_pending_active")).toBe(1);
    const third = await asks(pair);
    const refused = await third.receivesResponse();
    expect(refused.head).toContain("503 Service Unavailable");
    expect(refused.head).toContain("x-envoy-overloaded: true");
    expect(pair.outbound.stat("peer", "upstream_rq_pending_overflow")).toBe(1);
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na");
    expect((await first.receivesResponse()).body).toBe("a");
    await answered(upstream, "b");
    expect((await second.receivesResponse()).body).toBe("b");
    expect(pair.outbound.stat("peer", "upstream_cx_total")).toBe(1);
  });

  it("outlives clients that go away", async () => {
    const pair = await pairOf(carrying);
    const kept = await asks(pair, "GET /kept HTTP/1.1\r\nHost: a\r\n\r\n");
    const upstream = await pair.origin.accepts();
    await upstream.receives("\r\n\r\n");
    for (let i = 0; i < 200; i++) {
      const client = await asks(pair, "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
      const gone = await pair.origin.accepts();
      await gone.receives("\r\n\r\n");
      client.resets();
      await gone.sees("end");
    }
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkept");
    expect((await kept.receivesResponse()).body).toBe("kept");
  });

  it("passes on what comes before the answer", async () => {
    const pair = await pairOf(carrying);
    const client = await asks(pair);
    const upstream = await pair.origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n");
    expect(await client.receives("\r\n\r\n")).toMatch(/^HTTP\/1.1 103 .*link: <\/a.css>/s);
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("serves HTTP/1.0, whose answer ends with the connection", async () => {
    const pair = await pairOf(carrying, { http_protocol_options: { accept_http_10: true } });
    const client = await asks(pair, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    const upstream = await pair.origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nold\r\n0\r\n\r\n");
    const all = await client.sees("end");
    expect(all).toMatch(/^HTTP\/1.0 200 OK\r\n/);
    expect(all).toMatch(/\r\n\r\nold$/);
    expect(all).not.toContain("transfer-encoding");
  });

  it("upgrades to WebSocket", async () => {
    const pair = await pairOf(carrying, { upgrade_configs: [{ upgrade_type: "websocket" }] });
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    const client = await asks(
      pair,
      "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    const upstream = await pair.origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head).toContain("upgrade: websocket\r\n");
    expect(head).toContain(`sec-websocket-key: ${key}\r\n`);
    const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    upstream.sends(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\nfrom the server`,
    );
    const answer = await client.receives("from the server");
    expect(answer).toMatch(/^HTTP\/1.1 101 /);
    expect(answer.toLowerCase()).toContain(`sec-websocket-accept: ${accept.toLowerCase()}`);
    client.sends("from the client");
    await upstream.receives("from the client");
    client.ends();
    await upstream.sees("end");
  });

  it.each([
    { ours: true, theirs: true },
    { ours: true, theirs: false },
    { ours: false, theirs: true },
  ])("hands on trailers where both sides keep them, $ours and $theirs", async (keeps) => {
    const pair = await trailersOf(carrying, keeps.ours, keeps.theirs);
    const kept = keeps.ours && keeps.theirs;
    const client = await asks(pair, `${CHUNKED_POST}1\r\nq\r\n0\r\nX-Sum: 1\r\nX-Two: 2\r\n\r\n`);
    const upstream = await pair.origin.accepts();
    await upstream.receives("\r\n\r\n");
    const asked = kept ? "x-sum: 1\r\nx-two: 2\r\n" : "";
    expect(await upstream.receives("\r\n\r\n")).toBe(`1\r\nq\r\n0\r\n${asked}\r\n`);
    upstream.sends(`${CHUNKED_OK}1\r\na\r\n0\r\nX-End: 3\r\n\r\n`);
    await client.receives("\r\n\r\n");
    const said = kept ? "x-end: 3\r\n" : "";
    expect(await client.receives("\r\n\r\n")).toBe(`1\r\na\r\n0\r\n${said}\r\n`);
    // The connections go on behind them.
    client.sends(GET);
    await answered(upstream, "next");
    expect((await client.receivesResponse()).body).toBe("next");
    expect(pair.outbound.stat("peer", "upstream_cx_total")).toBe(1);
    expect(pair.outbound.stat("peer", "upstream_rq_total")).toBe(2);
  });

  it("takes long bodies", async () => {
    const pair = await pairOf(carrying);
    const length = 4 * 1024 * 1024;
    const put = `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
    for (let i = 0; i < 3; i++) {
      const client = await asks(pair, put + "x".repeat(length));
      const upstream = await pair.origin.accepts();
      await upstream.receives("\r\n\r\n");
      await upstream.receivesBytes(length);
      upstream.sends("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
      expect((await client.receivesResponse()).body).toBe("ok");
    }
    // One that carries, and one for what is long.
    if (carrying) expect(pair.accepted).toBe(2);
  });
});

it("takes a burst of requests beyond what HTTP/2 allows at first", async () => {
  const pair = await pairOf(true);
  const clients = await Promise.all(Array.from({ length: 300 }, () => asks(pair)));
  const upstreams: Peer[] = [];
  for (let i = 0; i < 300; i++) upstreams.push(await pair.origin.accepts());
  for (const upstream of upstreams) await answered(upstream);
  for (const client of clients) {
    expect((await client.receivesResponse()).head).toMatch(/^HTTP\/1.1 200 /);
  }
  expect(pair.outbound.stat("peer", "upstream_cx_total")).toBe(300);
  expect(pair.accepted).toBeLessThanOrEqual(2);
});
