import { afterEach, expect, it } from "vitest";
import { type ProxySetup, startSetup } from "../../../test/support/proxy-setup.ts";
import { assignment, edsCluster } from "../../../test/support/sample-snapshot.ts";
import { VirtualClock } from "../../base/clock.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import { Registry } from "../../metrics/registry.ts";
import type { Cluster } from "../../model/cluster.ts";
import { ACCRUAL_DEFAULTS } from "../../model/upstream/failure-accrual.ts";
import type { Host } from "../cluster/host.ts";
import { allAtOnce } from "../cluster/host-balance.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { AccrualJudge } from "./accrual-judge.ts";
import { AccrualStats } from "./accrual-stats.ts";
import { accrualTables } from "./accrual-tables.ts";

let setup: ProxySetup;
const clock = new VirtualClock();

afterEach(() => setup.stop());

const FAILURE_ACCRUAL = { ...ACCRUAL_DEFAULTS, maxFailures: 1, jitterRatio: 0 };

/** A cluster with these endpoints, the same one as before where it can be. */
function swapIn(ports: readonly number[], changes: Partial<Cluster> = {}): UpstreamCluster {
  const { clusters } = setup.proxy.dataPlane;
  const config = edsCluster("cart", { failureAccrual: FAILURE_ACCRUAL, ...changes });
  allAtOnce(clusters.prepare([config], [assignment("cart", ports)]))();
  const { cluster } = clusters.slot("cart");
  if (cluster === undefined) throw new Error("no cluster");
  return cluster;
}

function hostAt(cluster: UpstreamCluster, port: number): Host {
  const host = cluster.hosts.find(({ text }) => text.endsWith(`:${port}`));
  if (host === undefined) throw new Error(`no host at ${port}`);
  return host;
}

function fails({ monitor }: Host): void {
  monitor?.onStart();
  monitor?.onResponse(500, -1, new HeaderTable());
  monitor?.onEnd(500, -1);
}

function succeeds({ monitor }: Host): void {
  monitor?.onStart();
  monitor?.onResponse(200, -1, new HeaderTable());
  monitor?.onEnd(200, -1);
}

function shutPorts(cluster: UpstreamCluster): number[] {
  return cluster.hosts.filter(({ shut }) => shut).map(({ text }) => Number(text.split(":")[1]));
}

it("an endpoint stays shut while others come and go", async () => {
  setup = await startSetup([], [], clock);
  fails(hostAt(swapIn([1, 2]), 1));
  expect(shutPorts(swapIn([1, 3]))).toEqual([1]);
  clock.advance(1000);
  const cluster = swapIn([1, 3, 4]);
  expect(shutPorts(cluster)).toEqual([]);
  succeeds(hostAt(cluster, 1));
  expect(shutPorts(cluster)).toEqual([]);
});

it("an endpoint that comes back begins anew, and its late answers count no more", async () => {
  setup = await startSetup([], [], clock);
  const before = hostAt(swapIn([1, 2]), 1);
  const { monitor } = before;
  monitor?.onStart();
  swapIn([2]);
  const cluster = swapIn([1, 2]);
  monitor?.onReset("connection termination");
  expect(shutPorts(cluster)).toEqual([]);
  expect(before.shut).toBe(false);
});

it("what begins in one term counts in no other", async () => {
  setup = await startSetup([], [], clock);
  const cluster = swapIn([1, 2]);
  const host = hostAt(cluster, 1);
  const early = host.monitor;
  early?.onStart();
  early?.onStart();
  fails(host);
  clock.advance(1000);
  const probe = host.monitor;
  probe?.onStart();
  expect(shutPorts(cluster)).toEqual([1]);
  early?.onEnd(200, 0);
  expect(shutPorts(cluster)).toEqual([1]);
  probe?.onEnd(200, 0);
  expect(shutPorts(cluster)).toEqual([]);
  early?.onReset("connection termination");
  expect(shutPorts(cluster)).toEqual([]);
});

it("a probation without an end is over after a minute", async () => {
  setup = await startSetup([], [], clock);
  const cluster = swapIn([1]);
  const host = hostAt(cluster, 1);
  fails(host);
  clock.advance(1000);
  host.monitor?.onStart();
  clock.advance(60_000);
  expect(shutPorts(cluster)).toEqual([1]);
  clock.advance(2000);
  expect(shutPorts(cluster)).toEqual([]);
});

it("gRPC statuses in trailers count, and those of a head count once", async () => {
  setup = await startSetup([], [], clock);
  const twice = { ...FAILURE_ACCRUAL, maxFailures: 2 };
  const cluster = swapIn([1], { failureAccrual: twice });
  const host = hostAt(cluster, 1);
  host.monitor?.onStart();
  host.monitor?.onResponse(200, 14, new HeaderTable());
  host.monitor?.onEnd(200, 14);
  expect(shutPorts(cluster)).toEqual([]);
  host.monitor?.onStart();
  host.monitor?.onResponse(200, -1, new HeaderTable());
  host.monitor?.onEnd(200, 13);
  expect(shutPorts(cluster)).toEqual([1]);
});

it("a request that should not have been let through is no probation, however it ends", async () => {
  setup = await startSetup([], [], clock);
  const cluster = swapIn([1]);
  const host = hostAt(cluster, 1);
  fails(host);
  const early = host.monitor;
  early?.onStart();
  clock.advance(1000);
  const probe = host.monitor;
  probe?.onStart();
  const stray = host.monitor;
  stray?.onStart();
  early?.onCancel();
  stray?.onCancel();
  expect(shutPorts(cluster)).toEqual([1]);
  stray?.onEnd(200, -1);
  early?.onEnd(200, -1);
  expect(shutPorts(cluster)).toEqual([1]);
  probe?.onEnd(200, -1);
  expect(shutPorts(cluster)).toEqual([]);
});

it("an endpoint that is judged anew is not shut by what its host has inherited", async () => {
  setup = await startSetup([], [], clock);
  const cluster = swapIn([1], { failureAccrual: undefined });
  const host = hostAt(cluster, 1);
  host.shut = true;
  const stats = new AccrualStats(accrualTables(new Registry()), "cart");
  const judge = new AccrualJudge(FAILURE_ACCRUAL, cluster.context, stats, {
    onShut: () => undefined,
  });
  judge.follow([host]);
  expect(host.shut).toBe(false);
});

it("an upgraded connection that ends leaves the next failure to count", async () => {
  setup = await startSetup([], [], clock);
  const cluster = swapIn([1]);
  const { monitor } = hostAt(cluster, 1);
  monitor?.onStart();
  monitor?.onResponse(101, -1, new HeaderTable());
  monitor?.onEnd(101, -1);
  monitor?.onStart();
  monitor?.onReset("connection termination");
  expect(shutPorts(cluster)).toEqual([1]);
});
