import { describe, expect, it } from "vitest";
import { answered, oneHop, originServer, running } from "../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";

interface Running {
  readonly origin: PeerServer;
  readonly setup: ProxySetup;
  readonly client: Peer;
}

async function setUp(route: object = {}, cluster: Record<string, unknown> = {}): Promise<Running> {
  const origin = await originServer();
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin", ...route } }];
  const clusters = [staticCluster("origin", [origin.port], cluster)];
  const setup = await startSetup([httpListener({ routes })], clusters);
  running.push(setup);
  return { origin, setup, client: await setup.client() };
}

function response(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** The connection has served a request and waits in the pool for the next one. */
async function pooled({ client, origin }: Running): Promise<Peer> {
  client.sends(GET);
  const upstream = await origin.accepts();
  await answered(upstream, "first");
  expect((await client.receivesResponse()).body).toBe("first");
  return upstream;
}

describe("a pooled connection that the origin resets under the next request", () => {
  it("answers a GET with 503 where no policy says to retry", async () => {
    const all = await setUp();
    const upstream = await pooled(all);
    all.client.sends(GET);
    await upstream.receives("\r\n\r\n");
    upstream.resets();
    expect((await all.client.receivesResponse()).head).toContain("503 Service Unavailable");
    expect(all.origin.connections).toBe(1);
  });

  it("retries a GET on a new connection where the policy says reset", async () => {
    const all = await setUp({ retry_policy: { retry_on: "reset", num_retries: 1 } });
    const upstream = await pooled(all);
    all.client.sends(GET);
    await upstream.receives("\r\n\r\n");
    upstream.resets();
    await answered(await all.origin.accepts(), "second");
    expect((await all.client.receivesResponse()).body).toBe("second");
    expect(all.setup.stat("origin", "upstream_rq_retry")).toBe(1);
  });

  it.each([
    { when: "without a policy", route: {} },
    {
      when: "with a policy for requests that no origin has seen",
      route: {
        retry_policy: { retry_on: "connect-failure,reset-before-request", num_retries: 3 },
      },
    },
  ])("executes a POST once, $when", async ({ route }) => {
    const all = await setUp(route);
    const upstream = await pooled(all);
    all.client.sends(POST);
    await upstream.receives("\r\n\r\nhi");
    upstream.resets();
    expect((await all.client.receivesResponse()).head).toContain("503 Service Unavailable");
    expect(all.origin.connections).toBe(1);
    expect(all.setup.stat("origin", "upstream_rq_retry")).toBe(0);
  });
});

it("a pooled connection that the origin closes between requests is used no more", async () => {
  const all = await setUp();
  const upstream = await pooled(all);
  upstream.ends();
  await upstream.sees("end");
  all.client.sends(POST);
  const next = await all.origin.accepts();
  await next.receives("\r\n\r\nhi");
  next.sends(response("second"));
  expect((await all.client.receivesResponse()).body).toBe("second");
});

describe("bytes after the end of a response", () => {
  it("never answer the request that waits for the connection", async () => {
    const breakers = { circuit_breakers: { thresholds: [{ max_connections: 1 }] } };
    const { client, origin, setup } = await setUp({}, breakers);
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    const waiting = await setup.client();
    waiting.sends(GET);
    // A third connection served in full: the waiting request is in the pool's queue by now.
    const other = await setup.client();
    other.sends("GARBAGE\r\n\r\n");
    await other.receivesResponse();
    upstream.sends(response("first") + response("evil"));
    expect((await client.receivesResponse()).body).toBe("first");
    await upstream.sees("end");
    await answered(await origin.accepts(), "second");
    expect((await waiting.receivesResponse()).body).toBe("second");
    expect(setup.stat("origin", "upstream_cx_protocol_error")).toBe(1);
  });

  it("never answer the request that the same client has sent on", async () => {
    const { client, origin } = await setUp();
    client.sends(GET + GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(response("first") + response("evil"));
    expect((await client.receivesResponse()).body).toBe("first");
    await upstream.sees("end");
    await answered(await origin.accepts(), "second");
    expect((await client.receivesResponse()).body).toBe("second");
  });
});

describe("interim responses", () => {
  it.each([
    { count: 8, status: "200 OK" },
    { count: 9, status: "502 Bad Gateway" },
  ])("before the final one, $count of them, end in $status", async ({ count, status }) => {
    const { client, origin } = await setUp();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(count) + response("ok"));
    for (let i = 0; i < 8; i++) expect(await client.receives("\r\n\r\n")).toContain(" 103 ");
    expect((await client.receivesResponse()).head).toContain(`HTTP/1.1 ${status}\r\n`);
  });
});

describe("a length where no body can be", () => {
  it.each([
    ["204", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n"],
    ["103", `HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\n${response("ok")}`],
  ])("does not reach the client with %s", async (status, answer) => {
    const { client, origin } = await setUp();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(answer);
    const head = await client.receives("\r\n\r\n");
    expect(head).toContain(` ${status} `);
    expect(head).not.toContain("content-length");
  });

  it("does not reach the client with 101", async () => {
    const origin = await originServer();
    const hcm = { upgrade_configs: [{ upgrade_type: "websocket" }] };
    const client = await (await oneHop(origin, { hcm })).client();
    client.sends("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    const fields = "connection: upgrade\r\nupgrade: websocket\r\ncontent-length: 5\r\n";
    upstream.sends(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\nhello`);
    expect(await client.receives("\r\n\r\n")).not.toContain("content-length");
    await client.receives("hello");
  });
});

describe.each([
  { what: "a head that is too large", head: `HTTP/1.1 200 OK\r\nx: ${"x".repeat(70_000)}\r\n` },
  { what: "a head of too many fields", head: `HTTP/1.1 200 OK\r\n${"x: 1\r\n".repeat(200)}` },
  {
    what: "two lengths that differ",
    head: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
  },
  {
    what: "a length and chunks at once",
    head: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
  },
])("a response with $what", ({ head }) => {
  it("is a 502, and its connection carries no other request", async () => {
    const { client, origin, setup } = await setUp();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(`${head}\r\n`);
    const refused = await client.receivesResponse();
    expect(refused.head).toContain("502 Bad Gateway");
    expect(refused.body).toContain("reset reason: protocol error");
    await upstream.sees("end");
    client.sends(GET);
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).body).toBe("ok");
    expect(setup.stat("origin", "upstream_cx_protocol_error")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_active")).toBe(1);
  });
});
