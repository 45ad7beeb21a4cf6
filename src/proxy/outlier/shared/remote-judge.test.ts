import { beforeEach, describe, expect, it } from "vitest";
import { running } from "../../../../test/support/one-hop.ts";
import { startSetup, staticCluster } from "../../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { systemRandom } from "../../../base/random.ts";
import { ENVOY_OUTLIER_DETECTION } from "../../../model/upstream/outlier-detection.ts";
import type { Host } from "../../cluster/host.ts";
import type { UpstreamCluster } from "../../cluster/upstream-cluster.ts";
import type { OutlierNews } from "./outlier-message.ts";
import { RemoteJudges } from "./remote-judge.ts";
import { SharedOutliers } from "./shared-outliers.ts";

const DETECTION = { ...ENVOY_OUTLIER_DETECTION, consecutive5xx: 2, maxEjectionPercent: 100 };

/** The cluster of one name, which is found at another address each time that it is looked up. */
async function movingCluster(clock: VirtualClock, network: number): Promise<UpstreamCluster> {
  const address = { socket_address: { address: "moving.test", port_value: 80 } };
  const lb_endpoints = [{ endpoint: { address } }];
  const cluster = staticCluster("moving", [], {
    type: "LOGICAL_DNS",
    dns_refresh_rate: "5s",
    load_assignment: { cluster_name: "moving", endpoints: [{ lb_endpoints }] },
  });
  let asked = 0;
  const resolve = async () => ({ addresses: [`127.0.${network}.${++asked}`], ttlMs: undefined });
  const setup = await startSetup([], [cluster], clock, resolve);
  running.push(setup);
  const made = setup.proxy.dataPlane.clusters.slot("moving").cluster;
  if (made === undefined) throw new Error("no cluster");
  await expect.poll(() => made.hosts.length).toBe(1);
  return made;
}

describe("the host of a logical name", () => {
  let clock: VirtualClock;
  let clusters: UpstreamCluster[];
  let workers: RemoteJudges[];
  let news: OutlierNews[];
  let notices: string[];
  let follow: () => void;

  /** One host as two workers have it, each at an address of its own. */
  beforeEach(async () => {
    clock = new VirtualClock();
    clusters = [await movingCluster(clock, 1), await movingCluster(clock, 2)];
    news = [];
    notices = [];
    const [{ context }] = clusters as [UpstreamCluster];
    const shared = new SharedOutliers({
      clock,
      random: systemRandom,
      telemetry: context.telemetry,
      tell: (slot, orders) => workers[slot]?.hear(orders),
      onNotice: (notice) => notices.push(notice),
    });
    const send = (slot: number) => (one: OutlierNews) => {
      news.push(one);
      shared.hear(slot, one);
    };
    workers = clusters.map((_, slot) => new RemoteJudges(send(slot)));
    const judges = clusters.map((cluster, slot) => workers[slot]?.open(cluster, DETECTION));
    follow = () => {
      for (const [slot, judge] of judges.entries()) judge?.follow(clusters[slot]?.hosts ?? []);
    };
    await move();
    follow();
  });

  function host(slot: number): Host {
    return clusters[slot]?.hosts[0] as Host;
  }

  /** The first worker's. */
  async function move(): Promise<void> {
    const before = host(0).text;
    clock.advance(5000);
    await expect.poll(() => host(0).text).not.toBe(before);
  }

  it("is one host, wherever each worker finds it", () => {
    host(0).monitor?.onReset("remote reset");
    host(1).monitor?.onReset("remote reset");
    expect([host(0).ejected, host(1).ejected]).toEqual([true, true]);
  });

  it("stays out when it moves, and is told by its new address", async () => {
    host(0).monitor?.onReset("remote reset");
    host(0).monitor?.onReset("remote reset");
    await move();
    follow();
    expect([host(0).ejected, host(1).ejected]).toEqual([true, true]);
    clock.advance(30_000);
    expect([host(0).ejected, host(1).ejected]).toEqual([false, false]);
    expect(notices[1]).toContain(`"upstream_url":"${host(1).text}"`);
  });

  it("is told of each try once, however often it has moved", async () => {
    const { monitor } = host(0);
    for (let i = 0; i < 5; i++) {
      await move();
      follow();
    }
    expect(host(0).monitor).toBe(monitor);
    host(0).monitor?.onReset("remote reset");
    host(0).monitor?.onReset("remote reset");
    expect(news.filter(({ kind }) => kind === "failures")).toHaveLength(1);
  });
});
