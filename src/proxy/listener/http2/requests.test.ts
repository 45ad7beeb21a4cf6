import { describe, expect, it } from "vitest";
import { Http2Client } from "../../../../test/support/http2-client.ts";
import { http2Scene } from "../../../../test/support/http2-scene.ts";
import { answered, oneHop, originServer } from "../../../../test/support/one-hop.ts";

describe("a request over HTTP/2", () => {
  it("goes to an HTTP/1.1 origin and back, with Envoy's headers", async () => {
    const { client, origin } = await http2Scene();
    const answer = client.gets("/a?b=c", { cookie: "x=1", "x-own": "1" });
    const head = await answered(await origin.accepts(), "hello", "connection: keep-alive\r\n");
    const lines = head.split("\r\n").toSorted();
    expect(lines[0]).toBe("");
    expect(lines.filter((line) => !line.startsWith("x-request-id: "))).toEqual([
      "",
      "",
      "GET /a?b=c HTTP/1.1",
      "cookie: x=1",
      "host: a",
      "x-envoy-expected-rq-timeout-ms: 15000",
      "x-forwarded-proto: http",
      "x-own: 1",
    ]);
    const { body, headers, status } = await answer;
    expect({ body, status }).toEqual({ body: "hello", status: 200 });
    expect(headers).toMatchObject({ server: "envoy", "content-length": "5" });
    expect(headers).not.toHaveProperty("connection");
  });

  it("has a body of unknown length in chunks, and one of known length as it is", async () => {
    const { client, origin } = await http2Scene();
    const answer = client.posts("/", "abc");
    const upstream = await origin.accepts();
    expect(await upstream.receives("\r\n\r\n")).toContain("transfer-encoding: chunked\r\n");
    await upstream.receives("3\r\nabc\r\n0\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    expect((await answer).body).toBe("ok");
    const second = client.posts("/", "abc", { "content-length": 3 });
    expect(await upstream.receives("\r\n\r\nabc")).toContain("content-length: 3\r\n");
    upstream.sends("HTTP/1.1 204 No Content\r\n\r\n");
    expect(await second).toMatchObject({ status: 204, body: "" });
  });

  it("is one of many on its connection, each answered when its answer is there", async () => {
    const { client, origin } = await http2Scene();
    const slow = client.gets("/slow");
    const slowUpstream = await origin.accepts();
    await slowUpstream.receives("GET /slow");
    const quick = client.gets("/quick");
    await answered(await origin.accepts(), "quick");
    expect((await quick).body).toBe("quick");
    await answered(slowUpstream, "slow");
    expect((await slow).body).toBe("slow");
  });

  it("gets no body in the answer to HEAD, but the length of it", async () => {
    const { client, origin } = await http2Scene();
    const answer = client.gets("/", { ":method": "HEAD" });
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
    expect(await answer).toMatchObject({
      status: 200,
      body: "",
      headers: { "content-length": "9" },
    });
  });

  it("hears early hints, and is asked for its body", async () => {
    const { client, origin } = await http2Scene();
    const headers = { ":method": "POST", expect: "100-continue" };
    const call = client.opens("/", headers, false);
    const upstream = await origin.accepts();
    expect(await upstream.receives("\r\n\r\n")).not.toContain("\r\nexpect:");
    upstream.sends("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    call.stream.end("x");
    await upstream.receives("x");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    expect((await call.answer()).status).toBe(200);
    expect(call.interim).toEqual([100, 103]);
  });

  it("is tried again where its first attempt fails", async () => {
    const retry = { retry_on: "5xx", num_retries: 1 };
    const routes = [{ match: { prefix: "/" }, route: { cluster: "origin", retry_policy: retry } }];
    const origin = await originServer();
    const setup = await oneHop(origin, { routes });
    const client = await Http2Client.connect(setup.port());
    const answer = client.posts("/", "body");
    const upstream = await origin.accepts();
    await upstream.receives("0\r\n\r\n");
    // What is left of a bad answer is not waited for: its connection goes.
    upstream.sends("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno");
    const second = await origin.accepts();
    await second.receives("4\r\nbody\r\n0\r\n\r\n");
    second.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    expect((await answer).body).toBe("ok");
    client.closes();
  });

  it("is answered by the proxy where no route matches, and needs no length then", async () => {
    const routes = [{ match: { path: "/only" }, route: { cluster: "origin" } }];
    const { client } = await http2Scene({ routes });
    const { body, headers, status } = await client.gets("/other");
    expect({ body, status }).toEqual({ body: "", status: 404 });
    expect(headers).not.toHaveProperty("content-length");
  });

  it("carries its trailers to an HTTP/1.1 origin that takes them", async () => {
    const { client, origin } = await http2Scene({
      cluster: { http_protocol_options: { enable_trailers: true } },
    });
    const headers = { ":method": "POST", te: "trailers" };
    const call = client.opens("/", headers, false, { "x-sum": "1" });
    call.stream.end("a");
    const upstream = await origin.accepts();
    await upstream.receives("1\r\na\r\n0\r\nx-sum: 1\r\n\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    expect((await call.answer()).body).toBe("ok");
  });

  it("carries its own trailers though another's come while it waits for a connection", async () => {
    const { client, origin } = await http2Scene({
      cluster: { http_protocol_options: { enable_trailers: true } },
    });
    const headers = { ":method": "POST", te: "trailers" };
    const one = client.opens("/one", headers, false, { "x-sum": "1" });
    const two = client.opens("/two", headers, false, { "x-sum": "2" });
    one.stream.end("a");
    two.stream.end("b");
    const upstreams = [await origin.accepts(), await origin.accepts()];
    const sums: string[] = [];
    for (const upstream of upstreams) {
      const head = await upstream.receives("\r\n\r\n");
      const body = await upstream.receives("\r\n\r\n");
      sums.push(`${head.split(" ")[1]} ${body.split("\r\n")[3]}`);
      upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    }
    expect(sums.sort()).toEqual(["/one x-sum: 1", "/two x-sum: 2"]);
    expect((await one.answer()).body).toBe("ok");
    expect((await two.answer()).body).toBe("ok");
  });
});

it("knows HTTP/2 by its first bytes, in whatever pieces they come", async () => {
  const origin = await originServer();
  const setup = await oneHop(origin);
  const client = await setup.client();
  for (const byte of "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") client.sends(byte);
  client.sends("\0\0\0\x04\0\0\0\0\0");
  await client.receives("\0\0\0\x04\x01\0\0\0\0");
  expect(setup.proxy.telemetry.http("in").value("downstream_cx_http2_active")).toBe(1);
  const other = await setup.client();
  other.sends("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n");
  await answered(await origin.accepts());
  expect((await other.receivesResponse()).head).toContain("HTTP/1.1 200 OK");
});
