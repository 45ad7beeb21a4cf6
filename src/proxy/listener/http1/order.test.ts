import { describe, expect, it } from "vitest";
import { answered, oneHop, originServer } from "../../../../test/support/one-hop.ts";
import type { Peer } from "../../../../test/support/peer.ts";

const HEAD_END = "\r\n\r\n";
const MEBIBYTE = 1024 * 1024;

const ask = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** Answers each request with its own path, as long as some come. */
async function echo(upstream: Peer, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const [, path = ""] = /^GET (\S+) /.exec(await upstream.receives(HEAD_END)) ?? [];
    upstream.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${path.length}\r\n\r\n${path}`);
  }
}

describe("pipelined requests", () => {
  it("are answered in their order, up to one that is bad", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    client.sends(`${ask("/1")}${ask("/2")}${ask("/3")}G@T / HTTP/1.1\r\n\r\n${ask("/5")}`);
    await echo(await origin.accepts(), 3);
    for (const path of ["/1", "/2", "/3"]) {
      expect((await client.receivesResponse()).body).toBe(path);
    }
    const last = await client.receivesResponse();
    expect(last.head).toMatch(/^HTTP\/1\.1 400 /);
    expect(last.head).toContain("connection: close\r\n");
    expect(await client.sees("end")).toBe("");
    expect(origin.connections).toBe(1);
  });

  it("may be a thousand", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    const paths = Array.from({ length: 1000 }, (_, i) => `/${i}`);
    client.sends(paths.map(ask).join(""));
    await echo(await origin.accepts(), paths.length);
    for (const path of paths) expect((await client.receivesResponse()).body).toBe(path);
    expect(setup.proxy.telemetry.http("in").value("downstream_rq_total")).toBe(1000);
  });

  it("are not read while an earlier one waits for its answer", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    const http = setup.proxy.telemetry.http("in");
    let written = false;
    const many = Buffer.from(ask(`/${"x".repeat(1000)}`).repeat(20_000));
    client.socket.write(many, () => {
      written = true;
    });
    const upstream = await origin.accepts();
    await upstream.receives(HEAD_END);
    // A round trip of another client shows that the proxy has had its turn, several times.
    for (let i = 0; i < 20; i++) {
      const other = await setup.client();
      other.sends("G@T / HTTP/1.1\r\n\r\n");
      await other.sees("end");
    }
    expect(written).toBe(false);
    expect(http.value("downstream_cx_rx_bytes_total")).toBeLessThan(MEBIBYTE);
  });
});

describe("an answer before the request's end", () => {
  it("goes to the client, which may send on for a moment, and both connections end", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    client.sends("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nfirst");
    const upstream = await origin.accepts();
    await upstream.receives("first");
    upstream.sends("HTTP/1.1 413 Payload Too Large\r\ncontent-length: 3\r\n\r\nbig");
    const answer = await client.receivesResponse();
    expect(answer.head).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close\r\n/);
    expect(answer.body).toBe("big");
    // A request in the body's bytes is none.
    client.sends(ask("/smuggled"));
    expect(await client.sees("end")).toBe("");
    expect(await upstream.sees("end")).toBe("");
    const other = await setup.client();
    other.sends(ask("/next"));
    expect(await answered(await origin.accepts())).toContain("GET /next ");
    expect(origin.connections).toBe(2);
  });

  it("of the proxy's own ends the connection where the body was not asked for", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, {
      routes: [{ match: { path: "/known" }, route: { cluster: "origin" } }],
    });
    const client = await setup.client();
    client.sends(
      "POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    const text = await client.sees("end");
    expect(text).toMatch(/HTTP\/1\.1 404 [\s\S]*connection: close\r\n/);
    expect(origin.connections).toBe(0);
  });
});

describe("a connection that the origin closes as it is used again", () => {
  it("fails the request, which nobody executes twice", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    client.sends(ask("/first"));
    const upstream = await origin.accepts();
    await answered(upstream);
    await client.receivesResponse();
    client.sends("POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect(await upstream.receives("abc")).toContain("POST /once ");
    upstream.closes();
    expect((await client.receivesResponse()).head).toMatch(/^HTTP\/1\.1 503 /);
    client.sends(ask("/next"));
    expect(await answered(await origin.accepts())).toContain("GET /next ");
    expect((await client.receivesResponse()).body).toBe("ok");
    expect(origin.connections).toBe(2);
  });
});

describe("a client that ends its side", () => {
  it("before its answer has gone, as for Envoy: the request is given up", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    client.sends(ask("/gone"));
    const upstream = await origin.accepts();
    await upstream.receives(HEAD_END);
    client.ends();
    expect(await upstream.sees("end")).toBe("");
    const http = setup.proxy.telemetry.http("in");
    await expect.poll(() => http.value("downstream_cx_active")).toBe(0);
    expect(http.value("downstream_rq_rx_reset")).toBe(1);
  });

  it("amid its request never has the request end well", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    client.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    const upstream = await origin.accepts();
    await upstream.receives("abc\r\n");
    client.ends();
    expect(await upstream.sees("end")).toBe("");
  });

  it("gets what was answered before", async () => {
    const origin = await originServer();
    const direct = { match: { prefix: "/" }, direct_response: { status: 204 } };
    const setup = await oneHop(origin, { routes: [direct] });
    const client = await setup.client();
    client.sends(ask("/"));
    client.ends();
    expect(await client.sees("end")).toMatch(/^HTTP\/1\.1 204 /);
  });
});

describe("fields that a client names in Connection", () => {
  it("are set all the same where the proxy sets them", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { hcm: { use_remote_address: true, via: "us" } });
    const client = await setup.client();
    client.sends(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-envoy-external-address, via, x-mine\r\n" +
        "X-Envoy-External-Address: 10.0.0.1\r\nVia: them\r\nX-Mine: 1\r\n\r\n",
    );
    const head = await answered(await origin.accepts());
    expect(head).toContain("x-envoy-external-address: 127.0.0.1\r\n");
    expect(head).toContain("via: us\r\n");
    expect(head).not.toMatch(/x-mine|connection:|them|10\.0\.0\.1/);
  });
});
