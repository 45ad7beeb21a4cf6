import { createServer, type ServerHttp2Stream } from "node:http2";
import { describe, expect, it } from "vitest";
import { Http2Client } from "../../test/support/http2-client.ts";
import { oneHop, originServer, running } from "../../test/support/one-hop.ts";
import {
  httpListener,
  OVER_HTTP2,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";

const CONNECT = "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n";
const ALLOWED = {
  upgrade_configs: [{ upgrade_type: "CONNECT" }],
  http2_protocol_options: { allow_connect: true },
};
const FORWARDS = [{ match: { connect_matcher: {} }, route: { cluster: "origin" } }];
const TERMINATES = [
  {
    match: { connect_matcher: {} },
    route: {
      cluster: "origin",
      upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }],
    },
  },
];

async function http2Client(setup: ProxySetup): Promise<Http2Client> {
  const client = await Http2Client.connect(setup.port());
  running.push({ stop: () => client.closes() });
  return client;
}

describe("a CONNECT that ends at the proxy", () => {
  it("gives the origin nothing but its payload", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { routes: TERMINATES });
    const client = await setup.client();
    client.sends(`${CONNECT}first`);
    const upstream = await origin.accepts();
    await upstream.receives("first");
    const head = await client.receives("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(head).not.toMatch(/content-length|transfer-encoding|connection/);
    upstream.sends("answer");
    upstream.ends();
    await client.receives("answer");
    await client.sees("end");
    client.sends("last");
    client.ends();
    await upstream.receives("last");
    await upstream.sees("end");
    expect(setup.stat("origin", "upstream_cx_total")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_http1_total")).toBe(0);
    expect(setup.stat("origin", "upstream_rq_total")).toBe(1);
  });

  it("comes over HTTP/2 as well", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { hcm: ALLOWED, routes: TERMINATES });
    const client = await http2Client(setup);
    const call = client.connects("a:80").reads();
    expect((await call.head())[":status"]).toBe(200);
    call.stream.write("question");
    const upstream = await origin.accepts();
    await upstream.receives("question");
    upstream.sends("answer");
    await call.receives("answer");
    call.stream.end();
    await upstream.sees("end");
    upstream.ends();
    expect(await call.ends()).toBe(0);
  });

  it("is answered with 503 where the origin cannot be reached", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { routes: TERMINATES });
    origin.close();
    const client = await setup.client();
    client.sends(CONNECT);
    expect((await client.receivesResponse()).head).toContain("503 Service Unavailable");
    expect(setup.stat("origin", "upstream_cx_connect_fail")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_active")).toBe(0);
  });

  it("is held to the cluster's connections", async () => {
    const origin = await originServer();
    const thresholds = [{ max_connections: 1 }];
    const setup = await oneHop(origin, {
      routes: TERMINATES,
      cluster: { circuit_breakers: { thresholds } },
    });
    const first = await setup.client();
    first.sends(CONNECT);
    await first.receives("\r\n\r\n");
    const second = await setup.client();
    second.sends(CONNECT);
    expect((await second.receivesResponse()).head).toContain("503 Service Unavailable");
    expect(setup.stat("origin", "upstream_cx_overflow")).toBe(1);
  });
});

describe("a CONNECT that goes on", () => {
  it("is a tunnel once an HTTP/1.1 origin agrees", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { hcm: ALLOWED, routes: FORWARDS });
    const client = await setup.client();
    client.sends(`${CONNECT}early`);
    const upstream = await origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head).toMatch(/^CONNECT a:80 HTTP\/1.1\r\nhost: a:80\r\n/i);
    expect(upstream.received).toBe("");
    upstream.sends("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome");
    expect(await client.receives("welcome")).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    await upstream.receives("early");
    client.ends();
    await upstream.sees("end");
  });

  it("is answered like any request where the origin does not agree", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { hcm: ALLOWED, routes: FORWARDS });
    const client = await setup.client();
    client.sends(CONNECT);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    const { body, head } = await client.receivesResponse();
    expect(head).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
    expect(body).toBe("no");
    await client.sees("end");
  });

  it("is a stream of an HTTP/2 origin", async () => {
    const server = createServer();
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      stream.respond({ ":status": headers[":authority"] === "a:80" ? 200 : 403 });
      stream.on("data", (bytes: Buffer) => stream.write(`echo ${bytes}`));
      stream.on("end", () => stream.end("bye"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const setup = await startSetup(
      [httpListener({ hcm: ALLOWED, routes: FORWARDS })],
      [staticCluster("origin", [port], OVER_HTTP2)],
    );
    running.push(setup, { stop: () => void server.close() });
    const client = await setup.client();
    client.sends(CONNECT);
    expect(await client.receives("\r\n\r\n")).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    client.sends("hello");
    await client.receives("echo hello");
    client.ends();
    expect(await client.sees("end")).toBe("bye");
  });
});

it("refuses CONNECT where nothing allows it", async () => {
  const origin = await originServer();
  const setup = await oneHop(origin, { routes: FORWARDS });
  const client = await setup.client();
  client.sends(CONNECT);
  expect((await client.receivesResponse()).head).toContain("403 Forbidden");
});
