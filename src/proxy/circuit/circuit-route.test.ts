import { describe, expect, it } from "vitest";
import {
  CIRCUIT_NAME,
  circuitMetadata,
  circuitScene,
  QUICK,
} from "../../../test/support/circuit-scene.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";

const OPEN_BODY = `circuit ${CIRCUIT_NAME} is open`;

describe("a circuit before a route", () => {
  it("counts in the place of the cluster's", async () => {
    const cluster = circuitMetadata({ ...QUICK, name: "default/cluster" });
    const { asks, asksTimes, metric, origin } = await circuitScene({ atRoute: true, cluster });
    origin.says(500);
    expect(await asksTimes(2)).toEqual([500, 500]);
    expect((await asks()).body).toBe(OPEN_BODY);
    expect(metric("outrigger_circuit_state", ["one"])).toBe(1);
    expect(metric("outrigger_circuit_state", ["origin"])).toBe(0);
    expect(origin.seen).toHaveLength(2);
  });
});

describe("circuits of one virtual host's routes", () => {
  const MORE = { match: { prefix: "/more" }, route: { cluster: "origin" } };

  function routesWith(...policies: readonly Record<string, unknown>[]) {
    const before = policies.map((policy, i) => ({
      ...MORE,
      ...{ name: "one", match: { prefix: `/${i}` } },
      ...circuitMetadata({ ...QUICK, ...policy }),
    }));
    return circuitScene({ atRoute: true, before });
  }

  it("are one where name and policy are the same: the matches of one rule", async () => {
    const { asks, origin, setup } = await routesWith({});
    origin.says(500);
    expect((await asks("GET /0 HTTP/1.1\r\nHost: ratings")).status).toBe(500);
    expect((await asks()).status).toBe(500);
    expect((await asks("GET /0 HTTP/1.1\r\nHost: ratings")).body).toBe(OPEN_BODY);
    expect((await asks()).body).toBe(OPEN_BODY);
    expect(setup.proxy.dataPlane.circuits.map(({ route }) => route)).toEqual(["one"]);
  });

  it("are several where the policies or the rules differ", async () => {
    const other = { name: "default/other" };
    const { setup } = await routesWith({}, other, { sleepMs: 1 }, { rule: "b" }, { rule: "b" });
    const rows = setup.proxy.dataPlane.circuits.map(({ circuit, route }) => [circuit, route]);
    expect(rows).toEqual([
      [CIRCUIT_NAME, "one"],
      ["default/other", "one"],
      [CIRCUIT_NAME, "one"],
      [CIRCUIT_NAME, "b"],
    ]);
  });
});

describe("a circuit whose configuration changes", () => {
  type Scene = Awaited<ReturnType<typeof circuitScene>>;

  /** The running configuration, changed in its text. */
  async function change({ setup }: Scene, from: string, to: string): Promise<void> {
    const text = JSON.stringify(setup.proxy.dataPlane.config);
    expect(text).toContain(from);
    await setup.proxy.apply(JSON.parse(text.replaceAll(from, to)) as ProxyConfig);
  }

  it.each([true, false])(
    "goes on where its thresholds stay (at the route: %s)",
    async (atRoute) => {
      const scene = await circuitScene({ atRoute });
      const { asks, asksTimes, clock, metric, origin, setup } = scene;
      origin.says(500);
      await asksTimes(2);
      await change(scene, '"sleepMs":5000', '"sleepMs":6000');
      expect((await asks()).body).toBe(OPEN_BODY);
      expect(setup.proxy.dataPlane.circuits[0]?.changes).toHaveLength(1);
      expect(metric("outrigger_circuit_rejected_total")).toBe(1);
      // What it sleeps until was said when it opened.
      clock.advance(5000);
      expect(await asksTimes(2)).toEqual([500, 503]);
      clock.advance(5999);
      expect(await asksTimes(1)).toEqual([503]);
      clock.advance(1);
      expect(await asksTimes(1)).toEqual([500]);
    },
  );

  it.each([true, false])("begins anew with others (at the route: %s)", async (atRoute) => {
    const scene = await circuitScene({ atRoute });
    const { asksTimes, origin } = scene;
    origin.says(500);
    await asksTimes(2);
    await change(scene, '"errors":2', '"errors":3');
    expect(await asksTimes(4)).toEqual([500, 500, 500, 503]);
  });

  it("is counted under its new name, and not under the old one", async () => {
    const scene = await circuitScene();
    const { asksTimes, metric, origin } = scene;
    origin.says(500);
    await asksTimes(3);
    await change(scene, CIRCUIT_NAME, "default/other");
    expect(await asksTimes(3)).toEqual([500, 500, 503]);
    expect(metric("outrigger_circuit_rejected_total", [CIRCUIT_NAME])).toBe(0);
    expect(metric("outrigger_circuit_rejected_total", ["default/other"])).toBe(1);
    expect(metric("outrigger_circuit_state", ["default/other"])).toBe(1);
  });

  it("keeps what it kept of good answers", async () => {
    const fallback = { kind: "lastGood", maxAgeMs: 60_000, maxBytes: 65_536 };
    const scene = await circuitScene({ circuit: { ...QUICK, fallback } });
    const { asks, origin } = scene;
    origin.says(200, "kept");
    await asks();
    await change(scene, '"maxAgeMs":60000', '"maxAgeMs":50000');
    origin.says(500);
    expect((await asks()).body).toBe("kept");
    await change(scene, '"maxBytes":65536', '"maxBytes":10');
    expect((await asks()).status).toBe(500);
  });

  it("is gone where nobody wants it any more", async () => {
    const scene = await circuitScene();
    const { asksTimes, origin, setup } = scene;
    origin.says(500);
    await asksTimes(2);
    const { circuit: _, ...cluster } = setup.proxy.dataPlane.config.clusters[0] ?? {};
    const config = { ...setup.proxy.dataPlane.config, clusters: [cluster] } as ProxyConfig;
    await setup.proxy.apply(config);
    expect(await asksTimes(2)).toEqual([500, 500]);
    expect(setup.proxy.dataPlane.circuits).toEqual([]);
    const rows = setup.proxy.telemetry.registry
      .collect()
      .filter(({ name }) => name.startsWith("outrigger_circuit"))
      .flatMap((table) => [...table.snapshot()]);
    expect(rows).toEqual([]);
  });
});
