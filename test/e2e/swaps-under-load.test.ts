/** Configurations that change under load, as a control plane sends them: no request may notice. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Snapshot } from "../../src/control/server/snapshot-source.ts";
import { AdsScene, snapshotOf } from "../support/ads-scene.ts";
import { AllLoads, freePorts, type ListenPorts, resourcesOf } from "../support/all-loads.ts";
import { freePort } from "../support/envoy-process.ts";
import { Ledger } from "../support/ledger/ledger.ts";
import { LedgerOrigin } from "../support/ledger/origin/origin.ts";
import { expectNoneFailed, toLine } from "../support/ledger/verdict.ts";
import type { ProxyKind } from "../support/proxy-program.ts";
import { httpListener } from "../support/proxy-setup.ts";
import { describeWith } from "../support/tools.ts";

const SWAPS = 300;
const BAD_EVERY = 10;

let ledger: Ledger;
let origins: LedgerOrigin[];
let ports: ListenPorts;
let extraPort: number;
let scene: AdsScene | undefined;

beforeEach(async () => {
  ledger = new Ledger();
  const names = ["one", "two", "three"];
  origins = await Promise.all(names.map((name) => LedgerOrigin.start({ ledger, name })));
  ports = await freePorts();
  extraPort = await freePort();
});

afterEach(async () => {
  await scene?.stop();
  scene = undefined;
  for (const origin of origins) await origin.stop();
});

/**
 * Each swap takes one origin of three away and brings another back, and changes routes; each third
 * moves the traffic to a cluster that was not there and removes the one in use; each tenth changes
 * the listeners; another listener comes and goes.
 */
function snapshotAt(swap: number): Snapshot {
  const { listeners, clusters } = resourcesOf(
    {
      name: `web${Math.floor(swap / 3) % 4}`,
      origins: origins.filter((_, index) => index !== swap % 3),
      otherRoutes: swap % 10,
      serverName: `s${Math.floor(swap / 10) % 2}`,
    },
    ports,
  );
  const extra = { ...(httpListener({ name: "extra", routes: [] }) as object) };
  const address = { socket_address: { address: "127.0.0.1", port_value: extraPort } };
  const others = swap % 4 < 2 ? [{ ...extra, address }] : [];
  return snapshotOf(`swap ${swap}`, [...listeners, ...others], clusters);
}

/** What every proxy must refuse: a cluster that may take less than no time, a broken regex. */
function spoiledFrom(good: Snapshot, which: number): Snapshot {
  const version = `${good.version}, spoiled`;
  if (which % 2 === 0) {
    const clusters = good.clusters.map((cluster) => ({ ...cluster, connectTimeoutMs: -5 }));
    return { ...good, version, clusters };
  }
  const path = { kind: "regex", value: "(", caseSensitive: true } as const;
  const routes = good.routes.map((config) => ({
    ...config,
    virtualHosts: config.virtualHosts.map((host) => ({
      ...host,
      routes: host.routes.map((route) => ({ ...route, match: { ...route.match, path } })),
    })),
  }));
  return { ...good, version, routes };
}

function testsOf(kind: ProxyKind, workers: number): void {
  it(`no request of ${SWAPS} swaps fails`, async () => {
    scene = await AdsScene.start(kind, snapshotAt(0), workers);
    const loads = AllLoads.start(ports);
    await loads.more(5);
    for (let swap = 1; swap <= SWAPS; swap++) {
      await scene.push(snapshotAt(swap));
      await loads.more(1);
    }
    const verdict = await loads.stop(ledger);
    expectNoneFailed(verdict);
    expect(verdict.sent).toBeGreaterThan(5 * SWAPS);
    for (const { name } of origins) expect(ledger.executedBy(name)).toBeGreaterThan(SWAPS);
    expect(scene.rejected).toBe(0);
    console.info(`${kind}, ${workers} worker(s), ${SWAPS} swaps: ${toLine(verdict)}`);
  }, 240_000);

  it("the last good configuration serves on through bad ones, and each is refused", async () => {
    scene = await AdsScene.start(kind, snapshotAt(0), workers);
    const loads = AllLoads.start(ports);
    let bad = 0;
    for (let swap = 1; swap <= SWAPS / 3; swap++) {
      if (swap % BAD_EVERY === 0) await scene.pushBad(spoiledFrom(snapshotAt(swap), bad++));
      else await scene.push(snapshotAt(swap));
      await loads.more(1);
    }
    expectNoneFailed(await loads.stop(ledger));
    expect(scene.rejected).toBe(bad);
  }, 240_000);
}

describe.each([1, 2])("outrigger with %s worker(s)", (workers) => testsOf("outrigger", workers));
describeWith(["envoy"], "Envoy on the same script", () => testsOf("envoy", 1));

// Envoy takes clusters away before it hears who sends where now (docs/differences.md).
describe.each([1, 2])("outrigger with %s worker(s), without its control plane", (workers) => {
  it("a control plane that dies and comes back is not noticed", async () => {
    scene = await AdsScene.start("outrigger", snapshotAt(0), workers);
    const loads = AllLoads.start(ports);
    for (let death = 1; death <= 3; death++) {
      await scene.stopControl();
      await loads.more(20);
      scene.source.set(snapshotAt(death));
      await scene.startControl();
      await scene.synced(`swap ${death}`);
      await loads.more(5);
    }
    expectNoneFailed(await loads.stop(ledger));
  });
});
