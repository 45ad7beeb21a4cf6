import { describe, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import type { Peer } from "../../../test/support/peer.ts";
import { tcpListener } from "../../../test/support/proxy-pair.ts";
import { type ProxySetup, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";

interface Scene {
  readonly clock: VirtualClock;
  readonly setup: ProxySetup;
  readonly client: Peer;
  readonly upstream: Peer;
}

/** A client and an origin, joined by a proxy; `proxy` and `cluster` are Envoy's fields. */
async function joined(proxy: object, cluster: Record<string, unknown> = {}): Promise<Scene> {
  const clock = new VirtualClock();
  const origin = await originServer();
  const setup = await startSetup(
    [tcpListener("origin", proxy)],
    [staticCluster("origin", [origin.port], cluster)],
    clock,
  );
  running.push(setup);
  const client = await setup.client();
  const upstream = await origin.accepts();
  client.sends("hello");
  await upstream.receives("hello");
  return { clock, setup, client, upstream };
}

describe("a tunnel", () => {
  it("is closed when nothing has moved for the idle timeout", async () => {
    const { clock, setup, client, upstream } = await joined({ idle_timeout: "10s" });
    clock.advance(9000);
    upstream.sends("still here");
    await client.receives("still here");
    clock.advance(9000);
    expect(setup.proxy.telemetry.tcp("origin").value("idle_timeout")).toBe(0);
    clock.advance(1000);
    await client.sees("end");
    await upstream.sees("end");
    expect(setup.proxy.telemetry.tcp("origin").value("idle_timeout")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_destroy_local")).toBe(1);
  });

  it("is closed when it has lasted long enough, however much moves", async () => {
    const { clock, setup, client, upstream } = await joined({
      max_downstream_connection_duration: "10s",
    });
    for (let i = 0; i < 4; i++) {
      clock.advance(2000);
      upstream.sends("more");
      await client.receives("more");
    }
    clock.advance(1999);
    upstream.sends("last");
    await client.receives("last");
    clock.advance(1);
    await client.sees("end");
    await upstream.sees("end");
    const stats = setup.proxy.telemetry.tcp("origin");
    expect(stats.value("max_downstream_connection_duration")).toBe(1);
    expect(stats.value("idle_timeout")).toBe(0);
  });

  it("counts among its cluster's requests while it lasts", async () => {
    const { setup, client, upstream } = await joined({});
    expect(setup.stat("origin", "upstream_rq_pending_active")).toBe(0);
    expect(setup.stat("origin", "upstream_rq_active")).toBe(1);
    client.ends();
    upstream.ends();
    await client.sees("end");
    await upstream.sees("end");
    await running.at(-1)?.stop();
    expect(setup.stat("origin", "upstream_rq_active")).toBe(0);
    expect(setup.stat("origin", "upstream_rq_total")).toBe(1);
  });

  it("counts for its endpoint, as balancers and /clusters see it", async () => {
    const { setup, client, upstream } = await joined({});
    const [host] = setup.proxy.dataPlane.clusters.slot("origin").cluster?.hosts ?? [];
    expect([host?.activeRequests, host?.connections]).toEqual([1, 1]);
    client.resets();
    await upstream.sees("end");
    expect([host?.activeRequests, host?.connections]).toEqual([0, 0]);
  });

  it("passes large amounts on as they are, both ways at once", async () => {
    const { client, upstream } = await joined({});
    const bytes = Array.from({ length: 64 * 1024 }, (_, i) => String.fromCharCode(i % 251)).join(
      "",
    );
    for (let i = 0; i < 64; i++) {
      client.sends(bytes);
      upstream.sends(bytes);
    }
    const [there, back] = await Promise.all([
      upstream.receivesBytes(bytes.length * 64),
      client.receivesBytes(bytes.length * 64),
    ]);
    expect(there === bytes.repeat(64)).toBe(true);
    expect(back === bytes.repeat(64)).toBe(true);
  });

  it("keeps the origin from sending what the client does not read", async () => {
    const { setup, client, upstream } = await joined({});
    client.socket.pause();
    const much = "x".repeat(1024 * 1024);
    for (let i = 0; i < 32; i++) upstream.sends(much);
    await new Promise((resolve) => setImmediate(resolve));
    expect(upstream.socket.writableLength).toBeGreaterThan(0);
    client.socket.resume();
    await client.receivesBytes(32 * much.length);
    expect(setup.stat("origin", "upstream_cx_active")).toBe(1);
  });

  it("sends what the client said before it went", async () => {
    const { client, upstream } = await joined({});
    client.sends("last words");
    client.ends();
    await upstream.receives("last words");
    await upstream.sees("end");
  });

  it("ends with the proxy", async () => {
    const { setup, client, upstream } = await joined({});
    await setup.stop();
    await client.sees("end");
    await upstream.sees("end");
    expect(setup.stat("origin", "upstream_cx_active")).toBe(0);
  });
});
