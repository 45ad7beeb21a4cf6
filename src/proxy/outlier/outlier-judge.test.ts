import { describe, expect, it } from "vitest";
import { MoodyEndpoint } from "../../../test/support/moody-endpoint.ts";
import { running } from "../../../test/support/one-hop.ts";
import type { Peer } from "../../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { assignment, edsCluster } from "../../../test/support/sample-snapshot.ts";
import { VirtualClock } from "../../base/clock.ts";
import { socketAddress } from "../../model/address.ts";
import { ENVOY_OUTLIER_DETECTION } from "../../model/upstream/outlier-detection.ts";
import { Hash64 } from "../balance/hash/hash64.ts";
import type { Host } from "../cluster/host.ts";
import { allAtOnce } from "../cluster/host-balance.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ALL = { max_ejection_percent: 100, consecutive_5xx: 2 };
const CHECK = {
  timeout: "1s",
  interval: "5s",
  no_traffic_interval: "5s",
  unhealthy_threshold: 1,
  healthy_threshold: 1,
  http_health_check: { path: "/", expected_statuses: [{ start: 200, end: 600 }] },
};

interface Scene {
  readonly setup: ProxySetup;
  readonly clock: VirtualClock;
  readonly bad: MoodyEndpoint;
  readonly good: MoodyEndpoint;
  readonly client: Peer;
}

/** Two hosts, of which one answers 500, in virtual time. */
async function scene(detection: object = {}, cluster: object = {}): Promise<Scene> {
  const bad = await MoodyEndpoint.start();
  const good = await MoodyEndpoint.start();
  bad.mood = { status: 500 };
  const clock = new VirtualClock();
  clock.advance(1);
  const routes = [{ match: { prefix: "/" }, route: { cluster: "c" } }];
  const fields = { outlier_detection: { ...ALL, ...detection }, ...cluster };
  const clusters = [staticCluster("c", [bad.port, good.port], fields)];
  const setup = await startSetup([httpListener({ routes })], clusters, clock);
  running.push(setup);
  return { setup, clock, bad, good, client: await setup.client() };
}

/** So many requests, one after the other; how many were answered 500. */
async function failures({ client }: Scene, requests: number): Promise<number> {
  let failed = 0;
  for (let i = 0; i < requests; i++) {
    client.sends(GET);
    const { head } = await client.receivesResponse();
    if (head.startsWith("HTTP/1.1 500")) failed++;
  }
  return failed;
}

function clusterOf({ setup }: Pick<Scene, "setup">, name = "c"): UpstreamCluster {
  const { cluster } = setup.proxy.dataPlane.clusters.slot(name);
  if (cluster === undefined) throw new Error(`no cluster ${name}`);
  return cluster;
}

function hostOf(one: Pick<Scene, "setup">, port: number, name = "c"): Host {
  const host = clusterOf(one, name).hosts.find(({ text }) => text.endsWith(`:${port}`));
  if (host === undefined) throw new Error(`no host at ${port}`);
  return host;
}

describe("an ejected host", () => {
  it("gets nothing until its time is over", async () => {
    const one = await scene();
    expect(await failures(one, 20)).toBe(2);
    expect(one.setup.stat("c", "membership_healthy")).toBe(1);
    one.clock.advance(29_999);
    expect(await failures(one, 4)).toBe(0);
    one.clock.advance(1);
    expect(one.setup.stat("c", "membership_healthy")).toBe(2);
    expect(await failures(one, 20)).toBe(2);
  });

  it("loses its idle connections", async () => {
    const one = await scene();
    await failures(one, 20);
    await expect.poll(() => hostOf(one, one.bad.port).connections).toBe(0);
    expect(hostOf(one, one.good.port).connections).toBe(1);
  });

  it("gets requests in a panic, and comes back as often as it should", async () => {
    const one = await scene();
    one.good.mood = { status: 500 };
    expect(await failures(one, 20)).toBe(20);
    expect(one.setup.stat("c", "lb_healthy_panic")).toBe(16);
    one.clock.advance(30_000);
    expect(one.setup.stat("c", "membership_healthy")).toBe(2);
  });

  it("comes back when it passes an active health check", async () => {
    const one = await scene({}, { health_checks: [CHECK] });
    await expect.poll(() => one.setup.stat("c", "membership_healthy")).toBe(2);
    expect(await failures(one, 20)).toBe(2);
    one.clock.advance(5000);
    await expect.poll(() => one.setup.stat("c", "membership_healthy")).toBe(2);
  });

  it("stays out, where health checks have no say", async () => {
    const config = { successful_active_health_check_uneject_host: false };
    const one = await scene(config, { health_checks: [CHECK] });
    await expect.poll(() => one.setup.stat("c", "membership_healthy")).toBe(2);
    await failures(one, 20);
    const before = one.bad.requests;
    one.clock.advance(5000);
    await expect.poll(() => one.bad.requests).toBe(before + 1);
    await expect.poll(() => hostOf(one, one.bad.port).connections).toBeLessThan(2);
    expect(hostOf(one, one.bad.port).ejected).toBe(true);
  });
});

describe("hosts that come and go", () => {
  const config = edsCluster("eds", {
    outlierDetection: { ...ENVOY_OUTLIER_DETECTION, consecutive5xx: 1, maxEjectionPercent: 50 },
  });

  async function started() {
    const clock = new VirtualClock();
    const setup = await startSetup([], [], clock);
    running.push(setup);
    const set = setup.proxy.dataPlane.clusters;
    const swap = (ports: readonly number[], cluster = config) => {
      const steps = set.prepare([cluster], [assignment("eds", ports)]);
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done === true) return step.value();
      }
    };
    const fail = (port: number) => hostOf({ setup }, port, "eds").monitor?.onReset("remote reset");
    const out = () => clusterOf({ setup }, "eds").hosts.filter(({ ejected }) => ejected);
    return { clock, setup, swap, fail, out };
  }

  it("are judged from the moment that they are there, and no longer than that", async () => {
    const { swap, fail, out, setup } = await started();
    swap([1, 2]);
    const gone = hostOf({ setup }, 1, "eds");
    fail(1);
    expect(out().map(({ text }) => text)).toEqual(["127.0.0.1:1"]);
    swap([2, 3]);
    expect(out()).toEqual([]);
    gone.monitor?.onReset("remote reset");
    expect(out()).toEqual([]);
    fail(3);
    expect(out().map(({ text }) => text)).toEqual(["127.0.0.1:3"]);
  });

  it("stay out while others come", async () => {
    const { swap, fail, out, setup } = await started();
    swap([1, 2]);
    fail(1);
    swap([1, 2, 3]);
    expect(out().map(({ text }) => text)).toEqual(["127.0.0.1:1"]);
    expect(setup.stat("eds", "membership_healthy")).toBe(2);
  });

  it("are out for sessions and hashes, which come back to them", async () => {
    const { clock, swap, fail, setup } = await started();
    const hashing = { ...config, lbPolicy: "ringHash" } as const;
    swap([1, 2], hashing);
    const cluster = clusterOf({ setup }, "eds");
    const hash = new Hash64();
    hash.set(0x1234_5678, 1);
    const chosen = cluster.pick(hash, 0);
    const port = chosen?.address.kind === "socket" ? chosen.address.port : 0;
    fail(port);
    expect(cluster.pick(hash, 0)?.text).toBe(`127.0.0.1:${3 - port}`);
    expect(cluster.pickForSession(chosen?.text ?? "")).toBeUndefined();
    clock.advance(30_000);
    expect(cluster.pick(hash, 0)).toBe(chosen);
    expect(cluster.pickForSession(chosen?.text ?? "")).toBe(chosen);
  });

  it("are new ones when they return", async () => {
    const { swap, fail, out, setup } = await started();
    const active = () =>
      setup.proxy.telemetry.registry.tables
        .find(({ name }) => name === "cluster_outlier")
        ?.snapshot()[0]?.cells[0];
    swap([1, 2]);
    fail(1);
    expect(active()).toBe(1);
    swap([2]);
    expect(active()).toBe(0);
    swap([1, 2]);
    expect(out()).toEqual([]);
    fail(1);
    expect(active()).toBe(1);
    swap([1, 2], { ...config, outlierDetection: undefined });
    expect(out()).toEqual([]);
    expect(active()).toBe(0);
  });

  it("are forgotten where their cluster's connections begin anew", async () => {
    const { swap, fail, out } = await started();
    swap([1, 2]);
    fail(1);
    swap([1, 2], { ...config, connectTimeoutMs: 4321 });
    expect(out()).toEqual([]);
  });
});

describe("hosts of an ORIGINAL_DST cluster", () => {
  const config = edsCluster("dst", {
    discovery: "originalDst",
    lbPolicy: "clusterProvided",
    outlierDetection: { ...ENVOY_OUTLIER_DETECTION, consecutive5xx: 1, maxEjectionPercent: 100 },
  });

  it("are reached where clients want them, and counted as out", async () => {
    const clock = new VirtualClock();
    const setup = await startSetup([], [], clock);
    running.push(setup);
    allAtOnce(setup.proxy.dataPlane.clusters.prepare([config], []))();
    const cluster = clusterOf({ setup }, "dst");
    const pick = (port: number) => cluster.pickAddress(socketAddress("127.0.0.1", port));
    pick(1).monitor?.onReset("remote reset");
    expect(pick(1).ejected).toBe(true);
    expect(setup.stat("dst", "membership_total")).toBe(1);
    expect(setup.stat("dst", "membership_healthy")).toBe(0);
    pick(2);
    expect(setup.stat("dst", "membership_total")).toBe(2);
    expect(setup.stat("dst", "membership_healthy")).toBe(1);
    clock.advance(30_000);
    expect(setup.stat("dst", "membership_healthy")).toBe(2);
  });

  it("leave with all that was known of them", async () => {
    const setup = await startSetup([], [], new VirtualClock());
    running.push(setup);
    allAtOnce(setup.proxy.dataPlane.clusters.prepare([config], []))();
    const cluster = clusterOf({ setup }, "dst");
    const pick = (port: number) => cluster.pickAddress(socketAddress("127.0.0.1", port));
    pick(1).monitor?.onReset("remote reset");
    for (let port = 2; port < 1030; port++) pick(port);
    expect(cluster.hosts.some(({ ejected }) => ejected)).toBe(false);
    expect(setup.stat("dst", "membership_healthy")).toBe(1024);
    expect(pick(1).ejected).toBe(false);
  });
});
