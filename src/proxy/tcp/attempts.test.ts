import { describe, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import { tcpListener } from "../../../test/support/proxy-pair.ts";
import { type ProxySetup, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";

/** Nobody listens there. */
const REFUSED = 1;

async function withCluster(
  proxy: object,
  ports: readonly number[],
  cluster: Record<string, unknown> = {},
): Promise<ProxySetup> {
  const setup = await startSetup(
    [tcpListener("origin", proxy)],
    [staticCluster("origin", ports, cluster)],
  );
  running.push(setup);
  return setup;
}

function limited(thresholds: object): Record<string, unknown> {
  return { circuit_breakers: { thresholds: [thresholds] } };
}

describe("a connection whose endpoint cannot be reached", () => {
  it("is tried with others, as often as it may be", async () => {
    const origin = await originServer();
    const setup = await withCluster({ max_connect_attempts: 2 }, [REFUSED, origin.port]);
    for (let i = 0; i < 2; i++) {
      const client = await setup.client();
      client.sends("hello");
      await (await origin.accepts()).receives("hello");
    }
    expect(setup.stat("origin", "upstream_cx_connect_fail")).toBeGreaterThan(0);
    expect(setup.stat("origin", "upstream_cx_connect_attempts_exceeded")).toBe(0);
  });

  it.each([
    { max_connect_attempts: 3, tried: 3 },
    { max_connect_attempts: 1, tried: 1 },
  ])("is given up after $tried attempts", async ({ tried, ...proxy }) => {
    const setup = await withCluster(proxy, [REFUSED]);
    await (await setup.client()).sees("end");
    expect(setup.stat("origin", "upstream_cx_total")).toBe(tried);
    expect(setup.stat("origin", "upstream_cx_connect_fail")).toBe(tried);
    expect(setup.stat("origin", "upstream_rq_pending_total")).toBe(tried);
    expect(setup.stat("origin", "upstream_rq_pending_failure_eject")).toBe(tried);
    expect(setup.stat("origin", "upstream_rq_pending_active")).toBe(0);
    expect(setup.stat("origin", "upstream_cx_connect_attempts_exceeded")).toBe(1);
  });
});

describe("a connection over its cluster's limits", () => {
  it("of connections is refused at once", async () => {
    const origin = await originServer();
    const setup = await withCluster({}, [origin.port], limited({ max_connections: 1 }));
    const first = await setup.client();
    first.sends("a");
    await (await origin.accepts()).receives("a");
    await (await setup.client()).sees("end");
    expect(setup.stat("origin", "upstream_cx_overflow")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_total")).toBe(1);
  });

  it("of waiting requests is refused at once", async () => {
    const setup = await withCluster({}, [REFUSED], limited({ max_pending_requests: 0 }));
    await (await setup.client()).sees("end");
    expect(setup.stat("origin", "upstream_rq_pending_overflow")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_connect_attempts_exceeded")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_total")).toBe(0);
  });

  it("does not count among requests", async () => {
    const origin = await originServer();
    const setup = await withCluster({}, [origin.port], limited({ max_requests: 0 }));
    const client = await setup.client();
    client.sends("a");
    await (await origin.accepts()).receives("a");
  });
});

describe("weighted clusters", () => {
  it("share connections by their weights", async () => {
    const [one, other] = [await originServer(), await originServer()];
    const clusters = [
      { name: "one", weight: 1 },
      { name: "other", weight: 3 },
    ];
    const listener = tcpListener("one", { cluster: undefined, weighted_clusters: { clusters } });
    const setup = await startSetup(
      [listener],
      [staticCluster("one", [one.port]), staticCluster("other", [other.port])],
    );
    running.push(setup);
    for (let i = 0; i < 40; i++) {
      const client = await setup.client();
      client.closes();
    }
    const total = (name: string): number => setup.stat(name, "upstream_cx_total");
    await expect.poll(() => total("one") + total("other")).toBe(40);
    expect(total("one")).toBeGreaterThan(3);
    expect(total("one")).toBeLessThan(18);
  });
});
