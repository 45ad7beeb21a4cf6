import { describe, expect, it } from "vitest";
import { answered, originServer, running } from "../../../test/support/one-hop.ts";
import type { PeerServer } from "../../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";

const GET = "GET /a HTTP/1.1\r\nHost: web.example:81\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

interface Scene {
  readonly origin: PeerServer;
  readonly shadow: PeerServer;
  readonly setup: ProxySetup;
}

/** A proxy whose requests go to one origin, and their copies to another. */
async function sceneOf(
  policy: Readonly<Record<string, unknown>> = {},
  clock?: VirtualClock,
  cluster: Readonly<Record<string, unknown>> = {},
): Promise<Scene> {
  const origin = await originServer();
  const shadow = await originServer();
  const mirror = { cluster: "shadow", ...policy };
  const route = { cluster: "origin", request_mirror_policies: [mirror] };
  const setup = await startSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route }] })],
    [staticCluster("origin", [origin.port]), staticCluster("shadow", [shadow.port], cluster)],
    clock,
  );
  running.push(setup);
  return { origin, shadow, setup };
}

describe("a mirrored request", () => {
  it("goes to both, and only the first answer counts", async () => {
    const { origin, shadow, setup } = await sceneOf();
    const client = await setup.client();
    client.sends(GET);
    const copy = await shadow.accepts();
    const head = await copy.receives("\r\n\r\n");
    expect(head).toContain("host: web.example-shadow:81\r\n");
    expect(head).toContain("x-envoy-internal: true\r\n");
    copy.sends("HTTP/1.1 500 No\r\ncontent-length: 4\r\n\r\noops");
    const upstream = await origin.accepts();
    expect(await upstream.receives("\r\n\r\n")).toContain("host: web.example:81\r\n");
    upstream.sends(OK);
    const response = await client.receivesResponse();
    expect(response).toMatchObject({ body: "ok" });
    await expect.poll(() => setup.stat("shadow", "upstream_rq_completed")).toBe(1);
    expect(setup.stat("origin", "upstream_rq_total")).toBe(1);
    expect(setup.stat("shadow", "upstream_rq_total")).toBe(1);
    expect(setup.stat("shadow", "upstream_rq_active")).toBe(0);
  });

  it("is answered whether or not its copy is", async () => {
    const { origin, shadow, setup } = await sceneOf();
    const client = await setup.client();
    for (let i = 0; i < 3; i++) {
      client.sends(GET);
      if (i === 0) await shadow.accepts();
      const upstream = await origin.accepts();
      await upstream.receives("\r\n\r\n");
      upstream.sends(OK.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
      expect((await client.receivesResponse()).body).toBe("ok");
    }
    expect(setup.stat("shadow", "upstream_rq_active")).toBe(3);
  });

  it("sends its body to both as it comes", async () => {
    const { origin, shadow, setup } = await sceneOf();
    const client = await setup.client();
    client.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    const copy = await shadow.accepts();
    await copy.receives("hello");
    const upstream = await origin.accepts();
    await upstream.receives("hello");
    client.sends("2\r\nyo\r\n0\r\n\r\n");
    await copy.receives("yo\r\n0\r\n\r\n");
    await upstream.receives("yo\r\n0\r\n\r\n");
    upstream.sends(OK);
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("is not mirrored where its share is nothing", async () => {
    const fraction = { default_value: { numerator: 0 } };
    const { origin, setup } = await sceneOf({ runtime_fraction: fraction });
    const client = await setup.client();
    client.sends(GET);
    await answered(await origin.accepts());
    await client.receivesResponse();
    expect(setup.stat("shadow", "upstream_rq_total")).toBe(0);
    expect(setup.stat("shadow", "upstream_cx_total")).toBe(0);
  });

  it("keeps its Host in the copy where told to", async () => {
    const { shadow, setup } = await sceneOf({ disable_shadow_host_suffix_append: true });
    const client = await setup.client();
    client.sends(GET);
    const copy = await shadow.accepts();
    expect(await copy.receives("\r\n\r\n")).toContain("host: web.example:81\r\n");
  });

  it("is answered where the mirror's limits let no copy through", async () => {
    const thresholds = [{ max_requests: 1, max_pending_requests: 1, max_connections: 1 }];
    const limits = { circuit_breakers: { thresholds } };
    const { origin, shadow, setup } = await sceneOf({}, undefined, limits);
    const client = await setup.client();
    client.sends(GET);
    await shadow.accepts();
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(OK);
    await client.receivesResponse();
    for (let i = 0; i < 2; i++) {
      client.sends(GET);
      await upstream.receives("\r\n\r\n");
      upstream.sends(OK);
      expect((await client.receivesResponse()).body).toBe("ok");
    }
    expect(setup.stat("shadow", "upstream_rq_pending_overflow")).toBeGreaterThan(0);
  });
});

describe("a copy", () => {
  it("ends at the route's timeout, whatever the request does", async () => {
    const clock = new VirtualClock();
    const { origin, shadow, setup } = await sceneOf({}, clock);
    const client = await setup.client();
    client.sends(GET);
    const copy = await shadow.accepts();
    await copy.receives("\r\n\r\n");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(OK);
    await client.receivesResponse();
    clock.advance(15_000);
    expect(setup.stat("shadow", "upstream_rq_timeout")).toBe(1);
    expect(setup.stat("shadow", "upstream_rq_active")).toBe(0);
    await copy.sees("end");
  });

  it("is cut off with a request whose client has gone", async () => {
    const { origin, shadow, setup } = await sceneOf();
    const client = await setup.client();
    client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello");
    const copy = await shadow.accepts();
    await copy.receives("hello");
    await origin.accepts();
    client.closes();
    await copy.sees("end");
    expect(setup.stat("shadow", "upstream_rq_active")).toBe(0);
  });

  it("is cut off where it is too slow, and the request is not", async () => {
    const { origin, shadow, setup } = await sceneOf();
    const client = await setup.client();
    const length = 16 * 1024 * 1024;
    client.sends(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    const copy = await shadow.accepts();
    copy.socket.pause();
    const upstream = await origin.accepts();
    client.sends("x".repeat(length));
    await upstream.receivesBytes(length);
    upstream.sends(OK);
    expect((await client.receivesResponse()).body).toBe("ok");
    await expect.poll(() => setup.stat("shadow", "upstream_rq_active")).toBe(0);
  });

  it("has one end, though its connection takes bytes again behind it", async () => {
    const { origin, shadow, setup } = await sceneOf();
    const client = await setup.client();
    client.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const copy = await shadow.accepts();
    copy.socket.pause();
    const upstream = await origin.accepts();
    const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
    while (setup.stat("shadow", "upstream_flow_control_backed_up_total") === 0) {
      client.sends(chunk);
      await upstream.receivesBytes(chunk.length);
    }
    client.sends("0\r\n\r\n");
    await upstream.receives("0\r\n\r\n");
    copy.socket.resume();
    await copy.receives("0\r\n\r\n");
    const drained = () => setup.stat("shadow", "upstream_flow_control_drained_total");
    await expect.poll(drained).toBe(1);
    copy.sends(OK);
    upstream.sends(OK);
    await client.receivesResponse();
    await expect.poll(() => setup.stat("shadow", "upstream_rq_active")).toBe(0);
    client.sends(GET);
    expect(await copy.receives("\r\n\r\n")).toMatch(/^GET /);
  });
});
