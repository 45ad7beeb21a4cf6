/** Proxies that give their listening sockets to a successor, under load. */
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../support/envoy-process.ts";
import { GracefulScene } from "../support/graceful-scene.ts";
import { type Load, type LoadRecord, startLoad } from "../support/ledger/load.ts";
import type { Protocol } from "../support/ledger/request.ts";
import { expectNoneFailed, judge } from "../support/ledger/verdict.ts";
import { OVER_HTTP2, staticCluster } from "../support/proxy-setup.ts";

const HAND_OVERS = 10;
const PROTOCOLS: readonly Protocol[] = ["http1", "http2", "grpc", "websocket", "tcp"];
/** Between two hand-overs every load sends so many. */
const BETWEEN = 10;
const RATE = 20;
/** However busy the machine is: a request that nobody serves takes for ever. */
const TIMEOUT_MS = 60_000;
const PATIENCE_MS = 240_000;

const ADS = {
  ads_config: {
    api_type: "GRPC",
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
  },
  cds_config: { ads: {}, resource_api_version: "V3" },
  lds_config: { ads: {}, resource_api_version: "V3" },
};
/** Its control plane is never there. */
const WAITS_FOR_EVER = JSON.stringify({
  node: { id: "sidecar~127.0.0.1~waiting.default~default.svc.cluster.local", cluster: "waiting" },
  dynamic_resources: ADS,
  static_resources: {
    clusters: [staticCluster("xds-grpc", [1], OVER_HTTP2)],
  },
});

let scene: GracefulScene | undefined;

afterEach(async () => {
  await scene?.stop();
  scene = undefined;
});

/** One of each protocol, and one that opens a connection for every request. */
function loadsOf(of: GracefulScene): readonly Load[] {
  const kept = PROTOCOLS.map((protocol) =>
    startLoad({
      protocol,
      port: of.port(protocol),
      ratePerSecond: RATE,
      connections: 4,
      timeoutMs: TIMEOUT_MS,
    }),
  );
  const headers = { connection: "close" };
  const fresh = startLoad({
    protocol: "http1",
    port: of.port("http1"),
    ratePerSecond: RATE,
    timeoutMs: TIMEOUT_MS,
    headers,
  });
  return [...kept, fresh];
}

async function ended(loads: readonly Load[]): Promise<readonly LoadRecord[]> {
  return (await Promise.all(loads.map((load) => load.stop()))).flat();
}

describe.each(["1", "2"])("a proxy of --concurrency %s", (concurrency) => {
  it(
    `hands over ${HAND_OVERS} times, and no request fails`,
    async () => {
      scene = await GracefulScene.start({
        args: ["--concurrency", concurrency, "--drain-time-s", "100"],
      });
      const loads = loadsOf(scene);
      let pid = scene.pid;
      for (let i = 0; i < HAND_OVERS; i++) {
        await Promise.all(loads.map((load) => load.more(BETWEEN)));
        pid = await scene.handOver(pid);
        expect(await scene.readiness()).toBe(200);
      }
      await Promise.all(loads.map((load) => load.more(BETWEEN)));
      const records = await ended(loads);
      expectNoneFailed(judge(records, scene.ledger));
      expect(scene.run.stderr).not.toContain("error");
      // All predecessors end once nothing is left of their connections.
      await eventually("only the last is left", async () => scene?.run.processes().length === 1);
      expect(scene.run.processes()).toEqual([pid]);
    },
    PATIENCE_MS,
  );
});

it("a successor that cannot start leaves everything as it was", async () => {
  scene = await GracefulScene.start();
  const loads = loadsOf(scene);
  await Promise.all(loads.map((load) => load.more(BETWEEN)));
  scene.configure("no: [yaml, that\nis: a bootstrap");
  process.kill(scene.pid, "SIGUSR2");
  await scene.run.until(({ stderr }) => stderr.includes("this process goes on serving"));
  expect(scene.run.stderr).toContain("the successor ended with status 2; this process goes on");
  await Promise.all(loads.map((load) => load.more(BETWEEN)));
  expectNoneFailed(judge(await ended(loads), scene.ledger));
  expect(await scene.readiness()).toBe(200);
  expect(scene.run.processes()).toEqual([scene.pid]);
});

it("whoever is told to end takes a successor along that does not serve yet", async () => {
  scene = await GracefulScene.start({ args: ["--drain-time-s", "0"] });
  const { pid } = scene;
  // Nobody gives it a configuration, so it waits.
  scene.configure(WAITS_FOR_EVER);
  const exited = new Promise((resolve) => scene?.run.child.once("exit", resolve));
  process.kill(pid, "SIGUSR2");
  await scene.run.until(({ stderr }) => stderr.includes("is to succeed this one"));
  process.kill(pid, "SIGTERM");
  expect(await exited).toBe(0);
  await eventually("none is left", async () => scene?.run.processes().length === 0);
  expect(scene.run.stderr).toContain("the successor is told to end as well; this process ends");
});

it("a predecessor ends with status 0", async () => {
  scene = await GracefulScene.start();
  const exited = new Promise((resolve) => scene?.run.child.once("exit", resolve));
  await scene.handOver(scene.pid);
  expect(await exited).toBe(0);
});
