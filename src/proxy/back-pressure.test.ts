import { on } from "node:events";
import { constants } from "node:http2";
import type { Readable } from "node:stream";
import { expect, it } from "vitest";
import { Http2Origin } from "../../test/support/http2-origin.ts";
import { running } from "../../test/support/one-hop.ts";
import { type Peer, PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  OVER_HTTP2,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";

async function setUp(): Promise<{ origin: PeerServer; setup: ProxySetup }> {
  const origin = await PeerServer.listen();
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const setup = await startSetup(
    [httpListener({ routes })],
    [staticCluster("origin", [origin.port])],
  );
  running.push({ stop: () => origin.close() }, setup);
  return { origin, setup };
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const BODY = "x".repeat(1024 * 1024);

/** Answers every request with 1 MiB; gives how many it has answered. */
function answering(upstream: Peer): () => number {
  let answered = 0;
  const serve = async (): Promise<void> => {
    for (;;) {
      await upstream.receives("\r\n\r\n");
      answered++;
      upstream.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`);
    }
  };
  serve().catch(() => undefined);
  return () => answered;
}

/** Reads so many bytes. */
async function reads(stream: Readable, bytes: number): Promise<void> {
  let length = 0;
  for await (const [data] of on(stream, "data")) {
    length += (data as Buffer).length;
    if (length >= bytes) return;
  }
}

it("a client that pipelines and does not read has few of its requests sent on", async () => {
  const { origin, setup } = await setUp();
  const client = await setup.client();
  client.socket.pause();
  client.sends(GET.repeat(200));
  const answered = answering(await origin.accepts());
  // Other clients are served meanwhile, time enough for the proxy to take what it would take.
  for (let i = 0; i < 50; i++) {
    const other = await setup.client();
    other.sends("GARBAGE\r\n\r\n");
    await other.receivesResponse();
  }
  expect(answered()).toBeLessThan(40);
  client.socket.resume();
  for (let i = 0; i < 200; i++) {
    expect((await client.receivesResponse()).body.length).toBe(BODY.length);
  }
}, 30_000);

it("a response before the request's end costs the upstream connection", async () => {
  const { origin, setup } = await setUp();
  const client = await setup.client();
  client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
  const upstream = await origin.accepts();
  await upstream.receives("part");
  upstream.sends("HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n");
  expect((await client.receivesResponse()).head).toContain("HTTP/1.1 413 ");
  await upstream.sees("end");
  await client.sees("end");
  expect(setup.stat("origin", "upstream_cx_active")).toBe(0);
});

it("a thousand pipelined requests are answered in their order, on one connection", async () => {
  const { origin, setup } = await setUp();
  const client = await setup.client();
  for (let i = 0; i < 1000; i++) client.sends(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const upstream = await origin.accepts();
  for (let i = 0; i < 1000; i++) {
    expect(await upstream.receives("\r\n\r\n")).toMatch(new RegExp(`^GET /${i} `));
    const body = String(i);
    upstream.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    expect((await client.receivesResponse()).body).toBe(body);
  }
  expect(origin.connections).toBe(1);
});

it("an upload that is tried again waits where its second connection takes no more", async () => {
  const origin = await Http2Origin.listen();
  const route = { cluster: "origin", retry_policy: { retry_on: "reset", num_retries: 1 } };
  const setup = await startSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route }] })],
    [staticCluster("origin", [origin.port], OVER_HTTP2)],
  );
  running.push(setup);
  const client = await setup.client();
  const first = BODY.slice(0, 600_000);
  const rest = BODY.repeat(16);
  const length = first.length + rest.length;
  client.sends(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${first}`);
  const refused = await origin.takes();
  await reads(refused, first.length);
  refused.close(constants.NGHTTP2_REFUSED_STREAM);
  const stream = await origin.takes();
  client.sends(rest);
  for (let i = 0; i < 50; i++) {
    const other = await setup.client();
    other.sends("GARBAGE\r\n\r\n");
    await other.receivesResponse();
  }
  const read = setup.proxy.telemetry.http("in").value("downstream_cx_rx_bytes_total");
  expect(read).toBeLessThan(2 * BODY.length);
  await reads(stream, length);
}, 30_000);
