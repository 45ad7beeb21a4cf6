import { describe, expect, it } from "vitest";
import { MoodyEndpoint } from "../../../test/support/moody-endpoint.ts";
import type { Peer } from "../../../test/support/peer.ts";
import { httpListener, staticCluster } from "../../../test/support/proxy-setup.ts";
import {
  GET,
  MANY,
  startWorkersSetup,
  TO_ORIGIN,
  until,
  type WorkersSetup,
} from "../../../test/support/workers-setup.ts";

const ALL = { max_ejection_percent: 100, base_ejection_time: "3600s" };
const ACTIVE = "envoy_cluster_outlier_detection_ejections_active";

interface Scene {
  readonly setup: WorkersSetup;
  readonly bad: MoodyEndpoint;
  readonly good: MoodyEndpoint;
}

async function scene(outlier_detection: object, more: object = {}): Promise<Scene> {
  const bad = await MoodyEndpoint.start();
  const good = await MoodyEndpoint.start();
  bad.mood = { status: 500 };
  const cluster = staticCluster("origin", [bad.port, good.port], {
    outlier_detection: { ...ALL, ...outlier_detection },
    ...more,
  });
  const setup = await startWorkersSetup([httpListener({ routes: TO_ORIGIN })], [cluster]);
  return { setup, bad, good };
}

/** One after the other; the statuses that came. */
async function ask(clients: readonly Peer[]): Promise<Set<string>> {
  const statuses = new Set<string>();
  for (const client of clients) {
    client.sends(GET);
    statuses.add((await client.receivesResponse()).head.slice(9, 12));
  }
  return statuses;
}

/** Sends rounds of requests until the bad host is out for every worker. */
async function askUntilOut({ setup, bad }: Scene, clients: readonly Peer[]): Promise<void> {
  await until(async () => {
    const before = bad.requests;
    await ask(clients);
    return (await setup.metric(ACTIVE)) === 1 && bad.requests === before;
  });
}

describe("outlier detection of two workers", () => {
  it("is one: failures at both count together, and what is out is out for both", async () => {
    const one = await scene({ consecutive_5xx: MANY });
    const clients = await one.setup.clients(MANY);
    await askUntilOut(one, clients);
    expect(await ask(clients)).toEqual(new Set(["200"]));
    expect(await one.setup.metric("envoy_cluster_membership_healthy")).toBe(1);
    expect(await one.setup.metric("envoy_cluster_outlier_detection_ejections_enforced_total")).toBe(
      1,
    );
    expect(await one.setup.metric("outrigger_outlier_transitions_total")).toBe(1);
    const shown = await one.setup.page("/clusters");
    expect(shown).toContain(`127.0.0.1:${one.bad.port}::health_flags::/failed_outlier_check\n`);
    expect(shown).toContain(`127.0.0.1:${one.good.port}::health_flags::healthy\n`);
    expect(shown).toContain("origin::outlier::success_rate_average::-1\n");
    expect(one.setup.notices.filter((notice) => notice.includes('"action":"EJECT"'))).toHaveLength(
      1,
    );
  });

  it("is told to a worker that comes later", async () => {
    const one = await scene({ consecutive_5xx: 2 });
    await askUntilOut(one, await one.setup.clients(MANY));
    for (const thread of one.setup.proxy.fleet.threads.slice(0, 1)) await thread.terminate();
    const { threads } = one.setup.proxy.fleet;
    await until(() => threads.every(({ state }) => state === "serving"));
    const before = one.bad.requests;
    expect(await ask(await one.setup.clients(MANY))).toEqual(new Set(["200"]));
    expect(one.bad.requests).toBe(before);
    expect(await one.setup.metric(ACTIVE)).toBe(1);
  });

  it("lets hosts back in for both", async () => {
    const one = await scene({
      consecutive_5xx: 2,
      interval: "0.01s",
      base_ejection_time: "0.01s",
    });
    const clients = await one.setup.clients(MANY);
    const returned = async (): Promise<number> => {
      await ask(clients);
      const lines = one.setup.notices.filter((notice) => notice.includes('"action":"UNEJECT"'));
      return lines.length;
    };
    await until(async () => (await returned()) > 0);
    one.bad.mood = { status: 200 };
    await until(async () => (await one.setup.metric(ACTIVE)) === 0);
    const before = one.bad.requests;
    await until(async () => {
      await ask(clients);
      return one.bad.requests - before >= MANY;
    });
  });

  it("is over with its cluster", async () => {
    const one = await scene({ consecutive_5xx: 2 });
    await askUntilOut(one, await one.setup.clients(MANY));
    const { fleet } = one.setup.proxy;
    await fleet.apply({ ...fleet.config, clusters: [], listeners: [] });
    expect(await one.setup.page("/stats/prometheus")).not.toContain("outlier_detection");
  });
});
