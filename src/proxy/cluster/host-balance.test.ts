import { afterEach, describe, expect, it } from "vitest";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { assignment, edsCluster } from "../../../test/support/sample-snapshot.ts";
import { ScriptedTurns } from "../../../test/support/scripted-turns.ts";
import { VirtualClock } from "../../base/clock.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";
import { socketAddress } from "../../model/address.ts";
import { ENVOY_BALANCING } from "../../model/balance/balancing.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { ClusterLoadAssignment } from "../../model/endpoint.ts";
import { Hash64 } from "../balance/hash/hash64.ts";
import type { Host } from "./host.ts";
import { allAtOnce } from "./host-balance.ts";
import type { UpstreamCluster } from "./upstream-cluster.ts";

const A = '{envoy_cluster_name="a"}';

let setup: ProxySetup;
const clock = new VirtualClock();

afterEach(() => setup.stop());

async function start(): Promise<void> {
  setup = await startSetup([], [], clock);
}

function swapIn(changes: Partial<Cluster>, endpoints: ClusterLoadAssignment): UpstreamCluster {
  const set = setup.proxy.dataPlane.clusters;
  allAtOnce(set.prepare([edsCluster("a", changes)], [endpoints]))();
  const cluster = set.slot("a").cluster;
  if (cluster === undefined) throw new Error("no cluster");
  return cluster;
}

function ports(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 1000 + index);
}

/** Hosts that so many different hashes lead to. */
function picked(cluster: UpstreamCluster, hashes = 2000): Set<Host | undefined> {
  const hash = new Hash64();
  const found = new Set<Host | undefined>();
  for (let i = 0; i < hashes; i++) {
    hash.set(Math.imul(i, 0x9e37_79b1), Math.imul(i, 0x85eb_ca77));
    found.add(cluster.pick(hash, 0));
  }
  return found;
}

function withHealth(count: number, down: readonly number[]): ClusterLoadAssignment {
  const all = assignment("a", ports(count));
  const localities = all.localities.map((locality) => ({
    ...locality,
    endpoints: locality.endpoints.map((endpoint, i) => ({
      ...endpoint,
      health: down.includes(i) ? ("unhealthy" as const) : endpoint.health,
    })),
  }));
  return { ...all, localities };
}

/** A turn of the event loop is over. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("a cluster that hashes", () => {
  it("shows Envoy's gauges of its ring, and then of its table", async () => {
    await start();
    swapIn({ lbPolicy: "ringHash" }, assignment("a", ports(3)));
    const shown = () => [...renderPrometheus(setup.proxy.telemetry.registry)].join("");
    expect(shown()).toContain(`envoy_cluster_ring_hash_lb_size${A} 1026\n`);
    expect(shown()).toContain(`envoy_cluster_ring_hash_lb_min_hashes_per_host${A} 342\n`);
    expect(shown()).not.toContain("maglev_lb");
    swapIn({ lbPolicy: "maglev" }, assignment("a", ports(3)));
    expect(shown()).toContain(`envoy_cluster_maglev_lb_max_entries_per_host${A} 21846\n`);
    expect(shown()).not.toContain("ring_hash_lb");
    swapIn({ lbPolicy: "random" }, assignment("a", ports(3)));
    expect(shown()).not.toContain("maglev_lb");
  });

  it("changes its policy without losing its hosts", async () => {
    await start();
    const before = swapIn({}, assignment("a", ports(3)));
    const [host] = before.hosts;
    const after = swapIn({ lbPolicy: "maglev" }, assignment("a", ports(3)));
    expect(after).toBe(before);
    expect(after.hosts[0]).toBe(host);
    const hash = new Hash64();
    expect(after.pick(hash, 0)).toBe(after.pick(hash, 0));
  });

  it("keeps up with hosts whose health changes while it is built", async () => {
    await start();
    const cluster = swapIn({ lbPolicy: "maglev" }, assignment("a", ports(600)));
    const { hosts } = cluster;
    for (const host of hosts.slice(0, 20)) {
      host.failedCheck = true;
      cluster.renewBalance();
      await turn();
    }
    const isSettled = () => !hosts.slice(0, 20).some((host) => picked(cluster).has(host));
    for (let i = 0; i < 1000 && !isSettled(); i++) await turn();
    expect(isSettled()).toBe(true);
    expect(setup.stat("a", "membership_healthy")).toBe(580);
  });

  it("is built anew in slices when only the health of many hosts changes", async () => {
    await start();
    const cluster = swapIn({ lbPolicy: "ringHash" }, assignment("a", ports(600)));
    const [first, second] = cluster.hosts;
    if (first === undefined || second === undefined) throw new Error("no hosts");
    first.failedCheck = true;
    cluster.renewBalance();
    second.failedCheck = true;
    cluster.renewBalance();
    for (let i = 0; i < 1000 && picked(cluster).has(second); i++) await turn();
    const found = picked(cluster);
    expect(found.has(first)).toBe(false);
    expect(found.has(second)).toBe(false);
    expect(found.size).toBeGreaterThan(500);
  });
});

describe("a cluster of many hosts", () => {
  it("is never made ready in one long step, by any policy", async () => {
    await start();
    const many = assignment("a", ports(5000));
    let weighed = 0;
    const localities = many.localities.map((locality) => ({
      ...locality,
      endpoints: locality.endpoints.map((endpoint, i) => ({ ...endpoint, weight: 1 + (i % 3) })),
    }));
    const cluster = swapIn({}, { ...many, localities });
    for (const host of cluster.hosts) {
      const { weight } = host;
      Object.defineProperty(host, "weight", { get: () => weighed++ && weight, set: () => {} });
    }
    const [, second, ...others] = localities[0]?.endpoints ?? [];
    const fewer = { ...many, localities: localities.map((one) => ({ ...one, endpoints: others })) };
    expect(second).toBeDefined();
    const steps = setup.proxy.dataPlane.clusters.prepare([edsCluster("a")], [fewer]);
    let most = 0;
    for (let step = steps.next(); step.done !== true; step = steps.next()) {
      most = Math.max(most, weighed);
      weighed = 0;
    }
    // The schedule also starts somewhere, by up to 1024 picks.
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(2000);
  });

  it("works for hosts that change one by one as often as there is time for", async () => {
    await start();
    const cluster = swapIn({}, assignment("a", ports(2000)));
    let asked = 0;
    for (const host of cluster.hosts) {
      const { endpoint } = host;
      Object.defineProperty(host, "endpoint", { get: () => ++asked && endpoint });
    }
    for (const host of cluster.hosts.slice(0, 500)) {
      host.failedCheck = true;
      cluster.renewBalance();
    }
    for (let i = 0; i < 1000 && setup.stat("a", "membership_healthy") !== 1500; i++) await turn();
    expect(setup.stat("a", "membership_healthy")).toBe(1500);
    expect(asked).toBeLessThan(50_000);
  });

  it("knows what happens to hosts while it is made ready", async () => {
    await start();
    const cluster = swapIn({ healthyPanicThreshold: 0 }, assignment("a", ports(10)));
    const set = setup.proxy.dataPlane.clusters;
    const config = edsCluster("a", { healthyPanicThreshold: 0 });
    const swap = allAtOnce(set.prepare([config], [assignment("a", ports(9))]));
    const [sick] = cluster.hosts;
    if (sick === undefined) throw new Error("no host");
    sick.failedCheck = true;
    cluster.renewBalance();
    swap();
    expect(picked(cluster).has(sick)).toBe(false);
    expect(setup.stat("a", "membership_healthy")).toBe(8);
  });
});

it("lb_healthy_panic counts each pick of a panic", async () => {
  await start();
  const cluster = swapIn({}, withHealth(4, [0, 1, 2]));
  expect(picked(cluster, 8).size).toBe(4);
  expect(setup.stat("a", "lb_healthy_panic")).toBe(8);
});

it("a slow start begins when a host comes, or passes its checks again", async () => {
  await start();
  const slowStart = { windowMs: 10_000, aggression: 1, minWeightPercent: 10 };
  const balancing = { ...ENVOY_BALANCING, slowStart };
  swapIn({ balancing }, assignment("a", ports(1)));
  clock.advance(5000);
  const cluster = swapIn({ balancing }, assignment("a", ports(2)));
  const since = () => cluster.hosts.map(({ healthySinceMs }) => healthySinceMs - clock.now());
  expect(since()).toEqual([-5000, 0]);
  const [first] = cluster.hosts;
  if (first === undefined) throw new Error("no host");
  first.failedCheck = true;
  cluster.renewBalance();
  clock.advance(1000);
  first.failedCheck = false;
  cluster.renewBalance();
  expect(since()).toEqual([0, -1000]);
});

describe("PEAK_EWMA", () => {
  const POLICY = {
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: "peak",
            typed_config: {
              "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
              type_url: "outrigger.dev/load_balancing_policies.peak_ewma",
              value: {},
            },
          },
        },
      ],
    },
  };

  it("measures until the first data of a response, and avoids who was slow", async () => {
    const turns = await ScriptedTurns.start(2);
    const routes = [{ match: { prefix: "/" }, route: { cluster: "two", timeout: "0s" } }];
    setup = await startSetup(
      [httpListener({ routes })],
      [staticCluster("two", turns.ports, POLICY)],
      clock,
    );
    try {
      // Both begin at 30 ms; the first to be asked takes 100.
      const slow = await turns.take(setup, { thinkMs: 100, clock });
      for (let i = 0; i < 6; i++) {
        const other = await turns.take(setup, { thinkMs: 1, clock });
        expect(other).not.toBe(slow);
      }
      // In ten seconds 100 ms become less than 37, which is still more than the other's.
      clock.advance(10_000);
      expect(await turns.take(setup, { thinkMs: 1, clock })).not.toBe(slow);
      const { cluster } = setup.proxy.dataPlane.clusters.slot("two");
      expect(Math.round(cluster?.hosts[slow]?.rtt?.load(0, clock.now()) ?? 0)).toBe(37);
      expect(cluster?.hosts[1 - slow]?.rtt?.load(0, clock.now())).toBeLessThan(12);
    } finally {
      turns.stop();
    }
  });
});

it("an ORIGINAL_DST cluster counts the hosts that clients have asked for", async () => {
  await start();
  const passthrough = { discovery: "originalDst", lbPolicy: "clusterProvided" } as const;
  const set = setup.proxy.dataPlane.clusters;
  allAtOnce(set.prepare([edsCluster("a", passthrough)], []))();
  const { cluster } = set.slot("a");
  for (const port of [1, 2, 2]) cluster?.pickAddress(socketAddress("10.0.0.1", port));
  expect(setup.stat("a", "membership_total")).toBe(2);
  expect(setup.stat("a", "membership_healthy")).toBe(2);
  expect(setup.stat("a", "membership_change")).toBe(2);
  allAtOnce(set.prepare([edsCluster("a", { ...passthrough, choiceCount: 3 })], []))();
  expect(set.slot("a").cluster).toBe(cluster);
  expect(setup.stat("a", "membership_healthy")).toBe(2);
  for (let port = 3; port < 2000; port++) cluster?.pickAddress(socketAddress("10.0.0.1", port));
  expect(setup.stat("a", "membership_total")).toBe(1024);
});
