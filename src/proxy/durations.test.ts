import { describe, expect, it } from "vitest";
import { http2Scene } from "../../test/support/http2-scene.ts";
import { originServer, running } from "../../test/support/one-hop.ts";
import type { PeerServer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import { VirtualClock } from "../base/clock.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

interface Scene {
  readonly clock: VirtualClock;
  readonly origin: PeerServer;
  readonly setup: ProxySetup;
}

async function setUp(common: object, route: object = {}): Promise<Scene> {
  const clock = new VirtualClock();
  // At 0 no request would seem to have been completed.
  clock.advance(1);
  const origin = await originServer();
  const hcm = { common_http_protocol_options: common, drain_timeout: "5s" };
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin", ...route } }];
  const listener = httpListener({ hcm, routes });
  const setup = await startSetup([listener], [staticCluster("origin", [origin.port])], clock);
  running.push(setup);
  return { clock, origin, setup };
}

function reached({ setup }: Pick<Scene, "setup">): number {
  return setup.proxy.telemetry.http("in").value("downstream_cx_max_duration_reached");
}

describe("a connection that is as old as it may become", () => {
  const OLD = { max_connection_duration: "10s" };

  it("ends with the answer under way, which says so", async () => {
    const scene = await setUp(OLD);
    const client = await scene.setup.client();
    client.sends(GET);
    const upstream = await scene.origin.accepts();
    await upstream.receives("\r\n\r\n");
    scene.clock.advance(9999);
    expect(reached(scene)).toBe(0);
    scene.clock.advance(2);
    upstream.sends(OK);
    expect((await client.receivesResponse()).head).toContain("connection: close\r\n");
    await client.sees("end");
    expect(reached(scene)).toBe(1);
    expect(scene.setup.proxy.telemetry.http("in").value("downstream_cx_drain_close")).toBe(0);
  });

  it("answers one more request that comes within the drain timeout", async () => {
    const scene = await setUp(OLD);
    const client = await scene.setup.client();
    client.sends(GET);
    const upstream = await scene.origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(OK);
    expect((await client.receivesResponse()).head).not.toContain("connection: close");
    scene.clock.advance(10_001);
    expect(client.ended).toBe(false);
    client.sends(GET);
    await upstream.receives("\r\n\r\n");
    upstream.sends(OK);
    expect((await client.receivesResponse()).head).toContain("connection: close\r\n");
    await client.sees("end");
  });

  it("ends after the drain timeout, when no request comes", async () => {
    const scene = await setUp(OLD);
    const client = await scene.setup.client();
    client.sends(GET);
    const upstream = await scene.origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(OK);
    await client.receivesResponse();
    scene.clock.advance(10_001);
    expect(client.ended).toBe(false);
    scene.clock.advance(5001);
    await client.sees("end");
    expect(scene.setup.proxy.telemetry.http("in").value("downstream_cx_idle_timeout")).toBe(0);
  });

  it("ends at once, when its client has never said anything", async () => {
    const scene = await setUp(OLD);
    const client = await scene.setup.client();
    const other = await scene.setup.client();
    other.sends("GARBAGE\r\n\r\n");
    await other.receivesResponse();
    scene.clock.advance(10_001);
    await client.sees("end");
    expect(reached(scene)).toBeGreaterThan(0);
  });

  it("takes no further streams in HTTP/2, and ends with the last one", async () => {
    const scene = await http2Scene({ hcm: { common_http_protocol_options: OLD } });
    const answer = scene.client.gets("/");
    const upstream = await scene.origin.accepts();
    await upstream.receives("\r\n\r\n");
    scene.clock.advance(10_001);
    expect(reached(scene)).toBe(1);
    upstream.sends(OK);
    expect((await answer).body).toBe("ok");
    await scene.client.ends();
  });
});

describe("a listener's longest duration of streams", () => {
  const SHORT = { max_stream_duration: "2s" };

  async function waits(scene: Scene, afterMs: number): Promise<string> {
    const client = await scene.setup.client();
    client.sends(GET);
    await (await scene.origin.accepts()).receives("\r\n\r\n");
    scene.clock.advance(afterMs - 1);
    expect(client.received).toBe("");
    scene.clock.advance(2);
    const { head, body } = await client.receivesResponse();
    return `${head.slice(9, 12)} ${body}`;
  }

  it.each([
    { name: "says nothing of it", route: {} },
    { name: "bounds it, and does not say how", route: { max_stream_duration: {} } },
  ])("holds for a route that $name", async ({ route }) => {
    const scene = await setUp(SHORT, route);
    expect(await waits(scene, 2000)).toBe("504 downstream duration timeout");
    const { telemetry } = scene.setup.proxy;
    expect(telemetry.http("in").value("downstream_rq_max_duration_reached")).toBe(1);
  });

  it("gives way to the route's own", async () => {
    const route = { max_stream_duration: { max_stream_duration: "3s" } };
    expect(await waits(await setUp(SHORT, route), 3000)).toContain("duration timeout");
  });

  it("does not hold where the route says that there is none", async () => {
    const route = { max_stream_duration: { max_stream_duration: "0s" } };
    const { clock, origin, setup } = await setUp(SHORT, route);
    const client = await setup.client();
    client.sends(GET);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    clock.advance(60_000);
    upstream.sends(OK);
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("is no deadline that the upstream of a call hears of, without the route's word", async () => {
    const { origin, setup } = await setUp(SHORT);
    const client = await setup.client();
    client.sends("POST /a.B/C HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\n\r\n");
    const head = await (await origin.accepts()).receives("\r\n\r\n");
    expect(head).not.toContain("grpc-timeout");
  });
});
