import { describe, expect, it } from "vitest";
import { answered, originServer, running } from "../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";

interface Scene {
  readonly setup: ProxySetup;
  readonly origin: PeerServer;
  /** Who is asked. */
  readonly judge: PeerServer;
}

/** A proxy that asks about every request, before one origin. */
async function scene(more: Record<string, unknown> = {}): Promise<Scene> {
  const [origin, judge] = [await originServer(), await originServer()];
  const authz = {
    "@type": `${FILTERS}.ext_authz.v3.ExtAuthz`,
    transport_api_version: "V3",
    stat_prefix: "asked",
    http_service: { server_uri: { uri: "http://judge", cluster: "judge", timeout: "5s" } },
    ...more,
  };
  const filters = [
    { name: "authz", typed_config: authz },
    { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } },
  ];
  const mirrored = { cluster: "origin", request_mirror_policies: [{ cluster: "judge" }] };
  const routes = [
    { match: { prefix: "/mirrored" }, route: mirrored },
    { match: { prefix: "/" }, route: { cluster: "origin" } },
  ];
  const clusters = [staticCluster("origin", [origin.port]), staticCluster("judge", [judge.port])];
  const hcm = { http_filters: filters };
  const setup = await startSetup([httpListener({ hcm, routes })], clusters);
  running.push(setup);
  return { setup, origin, judge };
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function post(path: string, length: number): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
}

function consents(judge: Peer): void {
  judge.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
}

describe("a request that a filter holds", () => {
  it("goes on when the filter lets it", async () => {
    const { setup, origin, judge } = await scene();
    const client = await setup.client();
    client.sends(GET);
    const asked = await judge.accepts();
    expect(await asked.receives("\r\n\r\n")).toContain("GET / HTTP/1.1\r\nhost: a\r\n");
    consents(asked);
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });

  it("never reaches the origin where it is refused; the next is asked about anew", async () => {
    const { setup, origin, judge } = await scene();
    const client = await setup.client();
    client.sends(GET);
    const asked = await judge.accepts();
    await asked.receives("\r\n\r\n");
    asked.sends("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
    expect(await client.receivesResponse()).toMatchObject({ body: "no" });
    expect(setup.stat("origin", "upstream_rq_total")).toBe(0);
    client.sends(GET);
    await asked.receives("\r\n\r\n");
    consents(asked);
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });

  it("keeps what comes of its body meanwhile", async () => {
    const { setup, origin, judge } = await scene();
    const client = await setup.client();
    client.sends(`${post("/", 10)}01234`);
    const asked = await judge.accepts();
    await asked.receives("\r\n\r\n");
    client.sends("56789");
    consents(asked);
    const upstream = await origin.accepts();
    expect(await upstream.receives("56789")).toContain("\r\n\r\n0123456789");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });

  it("gives its mirror the body that came meanwhile", async () => {
    const { setup, origin, judge } = await scene();
    const client = await setup.client();
    client.sends(`${post("/mirrored", 5)}hello`);
    const asked = await judge.accepts();
    await asked.receives("\r\n\r\n");
    consents(asked);
    const upstream = await origin.accepts();
    await upstream.receives("hello");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    // The mirror takes the connection that the question has left.
    expect(await asked.receives("hello")).toContain("POST /mirrored");
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });

  it("is not asked about any more once its client has gone", async () => {
    const { setup, judge } = await scene();
    const client = await setup.client();
    client.sends(GET);
    const asked = await judge.accepts();
    await asked.receives("\r\n\r\n");
    client.closes();
    await asked.sees("end");
    expect(setup.stat("judge", "upstream_rq_active")).toBe(0);
    expect(setup.stat("origin", "upstream_rq_total")).toBe(0);
  });

  it("is refused where nobody can be asked", async () => {
    const { setup, judge } = await scene();
    judge.close();
    const client = await setup.client();
    client.sends(GET);
    expect((await client.receivesResponse()).head).toContain(" 403 ");
    expect(setup.stat("origin", "upstream_rq_total")).toBe(0);
  });

  it("passes where nobody can be asked and that is allowed", async () => {
    const { setup, origin, judge } = await scene({ failure_mode_allow: true });
    judge.close();
    const client = await setup.client();
    client.sends(GET);
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });
});

describe("a filter that wants the body", () => {
  const withBody = (maxBytes: number, more: object = {}): Record<string, unknown> => ({
    with_request_body: { max_request_bytes: maxBytes, ...more },
  });

  it("is shown it whole, and the origin gets it too", async () => {
    const { setup, origin, judge } = await scene(withBody(200_000));
    const client = await setup.client();
    const body = "x".repeat(150_000);
    client.sends(post("/", body.length) + body);
    const asked = await judge.accepts();
    expect(await asked.receives(body)).toContain("x-envoy-auth-partial-body: false");
    consents(asked);
    const upstream = await origin.accepts();
    await upstream.receives(body);
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });

  it("refuses a longer one without asking", async () => {
    const { setup, judge } = await scene(withBody(10));
    const client = await setup.client();
    client.sends(`${post("/", 11)}01234567890`);
    expect((await client.receivesResponse()).head).toContain(" 413 ");
    expect(judge.connections).toBe(0);
  });
});
