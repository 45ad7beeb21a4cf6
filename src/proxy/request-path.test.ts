import { describe, expect, it } from "vitest";
import { answered, oneHop, originServer } from "../../test/support/one-hop.ts";
import type { Peer } from "../../test/support/peer.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

describe("a plain request", () => {
  it("goes to the origin and back, with Envoy's headers", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends(GET);
    const head = await answered(await origin.accepts());
    const lines = head.split("\r\n");
    expect(lines[3]).toMatch(/^x-request-id: [0-9a-f-]{36}$/);
    expect(lines.toSpliced(3, 1)).toEqual([
      "GET /a HTTP/1.1",
      "host: a",
      "x-forwarded-proto: http",
      "x-envoy-expected-rq-timeout-ms: 15000",
      "",
      "",
    ]);
    const response = await client.receivesResponse();
    expect(response.head).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-length: 2\r\n/);
    expect(response.head).toContain("server: envoy\r\n");
    expect(response.body).toBe("ok");
  });

  it("reuses both connections for the next one", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends(GET);
    const upstream = await origin.accepts();
    for (let i = 0; i < 3; i++) {
      await answered(upstream);
      expect((await client.receivesResponse()).body).toBe("ok");
      if (i < 2) client.sends(GET);
    }
    expect(origin.connections).toBe(1);
  });

  it("may come in pieces of one byte", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    for (const byte of GET) client.sends(byte);
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("ends the connection when the client asks for that", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await answered(await origin.accepts())).not.toContain("connection");
    expect((await client.receivesResponse()).head).toContain("connection: close\r\n");
    expect(await client.sees("end")).toBe("");
  });
});

it("answers pipelined requests in their order", async () => {
  const origin = await originServer();
  const client = await (await oneHop(origin)).client();
  client.sends("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  client.sends("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  const upstream = await origin.accepts();
  for (const number of ["1", "2", "3"]) {
    expect(await answered(upstream, number)).toContain(`GET /${number} `);
    expect((await client.receivesResponse()).body).toBe(number);
  }
});

it("refuses what could be read in two ways, and no origin sees it", async () => {
  const origin = await originServer();
  const client = await (await oneHop(origin)).client();
  const framings = "Content-Length: 6\r\nTransfer-Encoding: chunked";
  client.sends(`POST / HTTP/1.1\r\nHost: a\r\n${framings}\r\n\r\n0\r\n\r\nG`);
  expect((await client.receivesResponse()).head).toContain("400 Bad Request");
  await client.sees("end");
  expect(origin.connections).toBe(0);
});

describe("bodies", () => {
  it("pass with their length", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    const upstream = await origin.accepts();
    expect(await upstream.receives("hello")).toContain("content-length: 10\r\n");
    client.sends("world");
    await upstream.receives("world");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    expect((await client.receivesResponse()).head).toContain("200 OK");
  });

  it("in chunks are framed anew, without extensions and trailers", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.sends("5;ext=1\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n");
    const upstream = await origin.accepts();
    const sent = await upstream.receives("0\r\n\r\n");
    expect(sent.endsWith("\r\n\r\n5\r\nhello\r\n0\r\n\r\n")).toBe(true);
    upstream.sends("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\n\r\n");
    const response = await client.receives("0\r\n\r\n");
    expect(response.endsWith("transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")).toBe(true);
  });

  it("that end with the connection go on in chunks; the client's connection lives", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\n\r\nall of it");
    upstream.ends();
    expect(await client.receives("0\r\n\r\n")).toContain("9\r\nall of it\r\n");
    client.sends(GET);
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("of many megabytes pass both ways without being held", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    const piece = "x".repeat(1 << 20);
    client.sends(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${8 << 20}\r\n\r\n`);
    for (let i = 0; i < 8; i++) client.sends(piece);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    await upstream.receivesBytes(8 << 20);
    upstream.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${8 << 20}\r\n\r\n`);
    for (let i = 0; i < 8; i++) upstream.sends(piece);
    expect((await client.receivesResponse()).body).toBe(piece.repeat(8));
  });

  it("that outran their clients leave connections that go on reading", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const body = "x".repeat(1024 * 1024);
    const clients = [await setup.client(), await setup.client()];
    const upstreams: Peer[] = [];
    for (let round = 0; round < 4; round++) {
      for (const [index, client] of clients.entries()) {
        client.sends(GET);
        const upstream = upstreams[index] ?? (await origin.accepts());
        upstreams[index] = upstream;
      }
      for (const upstream of upstreams) await answered(upstream, body);
      for (const client of clients) await client.receives(body);
    }
  });

  it("cut off by the origin cut the client off too", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    upstream.closes();
    expect((await client.sees("end")).endsWith("\r\n\r\nabc")).toBe(true);
  });

  it("of HEAD, 204 and 304 are none", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n");
    expect(await client.receives("\r\n\r\n")).toContain("content-length: 50\r\n");
    client.sends(GET);
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 304 Not Modified\r\ncontent-length: 50\r\n\r\n");
    expect(await client.receives("\r\n\r\n")).toContain("304 Not Modified");
    client.sends(GET);
    await answered(upstream);
    expect((await client.receivesResponse()).body).toBe("ok");
  });
});

describe("interim responses", () => {
  it("100 comes from the proxy, and the origin sees no Expect", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    expect(await client.receives("\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.sends("hi");
    const upstream = await origin.accepts();
    expect(await upstream.receives("hi")).not.toContain("expect:");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    await client.receivesResponse();
  });

  it("103 is passed on before the final response", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    expect(await client.receives("\r\n\r\n")).toBe(
      "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
    );
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("in a flood are a protocol error", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 100 Continue\r\n\r\n".repeat(20));
    expect((await client.receivesResponse()).head).toContain("502 Bad Gateway");
  });
});

describe("an upgrade", () => {
  const hcm = { upgrade_configs: [{ upgrade_type: "websocket" }] };
  const ASK = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

  it("becomes a tunnel, and bytes that came early wait for it", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin, { hcm })).client();
    client.sends(`${ASK}early`);
    const upstream = await origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head).toContain("upgrade: websocket\r\n");
    expect(upstream.received).toBe("");
    upstream.sends(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello",
    );
    expect(await client.receives("hello")).toMatch(/^HTTP\/1\.1 101 .*connection: upgrade\r\n/s);
    await upstream.receives("early");
    client.sends("ping");
    await upstream.receives("ping");
    upstream.ends();
    await client.sees("end");
  });

  it("that the listener does not allow is refused", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends(ASK);
    expect((await client.receivesResponse()).head).toContain("403 Forbidden");
    expect(origin.connections).toBe(0);
  });
});

describe("failures", () => {
  it("of a connection that the origin closes without an answer are 503 UC", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.closes();
    const { head, body } = await client.receivesResponse();
    expect(head).toContain("503 Service Unavailable");
    expect(body).toBe(
      "upstream connect error or disconnect/reset before headers. " +
        "reset reason: connection termination",
    );
    expect(setup.stat("origin", "upstream_cx_active")).toBe(0);
    expect(setup.stat("origin", "upstream_rq_active")).toBe(0);
  });

  it("of a framing that contradicts itself are 502 and end the connection", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
    const { head, body } = await client.receivesResponse();
    expect(head).toContain("502 Bad Gateway");
    expect(body).toContain("reset reason: protocol error");
    await upstream.sees("end");
  });

  it("to send bytes that nobody asked for end an idle connection", async () => {
    const origin = await originServer();
    const client = await (await oneHop(origin)).client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await answered(upstream);
    await client.receivesResponse();
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
    await upstream.sees("end");
    client.sends(GET);
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("to wait are noticed: a client that goes takes its request with it", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    client.closes();
    await upstream.sees("end");
    expect(setup.stat("origin", "upstream_rq_active")).toBe(0);
  });
});

it("a last response is sent whole, however slowly the client reads", async () => {
  const origin = await originServer();
  const client = await (await oneHop(origin)).client();
  client.sends("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  client.socket.pause();
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  const length = 16 << 20;
  upstream.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n${"x".repeat(length)}`);
  client.socket.resume();
  expect((await client.receivesResponse()).body.length).toBe(length);
  await client.sees("end");
});

it("a connection lives on after a response that came before the body was taken", async () => {
  const origin = await originServer();
  const setup = await oneHop(origin);
  const client = await setup.client();
  const length = 8 << 20;
  client.sends(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
  client.sends("x".repeat(length));
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  upstream.socket.pause();
  upstream.socket.resume();
  await upstream.receivesBytes(length);
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  await client.receivesResponse();
  client.sends(GET);
  await answered(upstream);
  expect((await client.receivesResponse()).body).toBe("ok");
});
