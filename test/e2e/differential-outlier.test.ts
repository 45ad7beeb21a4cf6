import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProxyUnderTest } from "../support/differential.ts";
import { freePort } from "../support/envoy-process.ts";
import { OutlierHosts, type OutlierScene, play, playTcp } from "../support/outlier-scenes.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-outlier.yaml", import.meta.url), "utf8");

const ALL = { max_ejection_percent: 100 };
const ROW = { ...ALL, consecutive_5xx: 3 };
const NO_ROW = { ...ALL, consecutive_5xx: 0 };
const SPLIT = {
  ...ROW,
  split_external_local_origin_errors: true,
  consecutive_local_origin_failure: 3,
};
const TWO_BAD = ["bad", "worse"] as const;
const REFUSED = ["refused", "good", "better"] as const;
const FIVE = ["bad", "good", "better", "best", "fair"] as const;
const SWEPT = { ...NO_ROW, interval: "1s", success_rate_request_volume: 20 };
const NO_PANIC = { common_lb_config: { healthy_panic_threshold: { value: 0 } } };
const GRPC = { "content-type": "application/grpc", te: "trailers" };
const GATEWAY = { consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 };

const SCENES: readonly OutlierScene[] = [
  { name: "row-of-5xx", detection: ROW },
  {
    name: "default-percent",
    detection: { consecutive_5xx: 3 },
    requests: 9,
    settles: { ejections_overflow: 1 },
    later: 6,
  },
  {
    name: "one-goes-always",
    hosts: ["bad", "good"],
    detection: { ...ROW, max_ejection_percent: 0, always_eject_one_host: true },
  },
  { name: "half-may-go", hosts: ["bad", "good"], detection: { ...ROW, max_ejection_percent: 50 } },
  {
    name: "less-than-half-may-go",
    hosts: ["bad", "good"],
    detection: { ...ROW, max_ejection_percent: 49 },
    requests: 6,
    settles: { ejections_overflow: 1 },
    later: 4,
  },
  {
    name: "detected-only",
    detection: { ...ROW, enforcing_consecutive_5xx: 0 },
    requests: 9,
    settles: { ejections_detected_consecutive_5xx: 1 },
    later: 6,
  },
  { name: "gateway", mood: 502, detection: { ...ROW, ...GATEWAY } },
  { name: "gateway-500", mood: 500, detection: { ...ROW, ...GATEWAY } },
  {
    name: "gateway-detected",
    mood: 503,
    detection: { ...ROW, consecutive_gateway_failure: 2 },
  },
  { name: "refused", hosts: REFUSED, detection: ROW },
  { name: "refused-gateway", hosts: REFUSED, detection: { ...ROW, ...GATEWAY } },
  { name: "closed", mood: "close", detection: ROW },
  { name: "half", mood: "half", detection: { ...NO_ROW, ...GATEWAY }, requests: 6, settles: {} },
  { name: "silent", mood: "silent", detection: ROW },
  { name: "silent-gateway", mood: "silent", detection: { ...ROW, ...GATEWAY } },
  { name: "tries", mood: "silent", detection: ROW },
  { name: "retried", detection: ROW },
  { name: "split-500", detection: SPLIT },
  { name: "split-500-gateway", detection: { ...SPLIT, ...GATEWAY } },
  { name: "split-refused", hosts: REFUSED, detection: SPLIT },
  { name: "split-closed", mood: "close", detection: SPLIT, settles: {} },
  { name: "split-silent", mood: "silent", detection: SPLIT, settles: {} },
  { name: "grpc-unavailable", mood: "grpc-14", headers: GRPC, detection: { ...ROW, ...GATEWAY } },
  { name: "grpc-internal", mood: "grpc-13", headers: GRPC, detection: ROW },
  { name: "grpc-not-found", mood: "grpc-5", headers: GRPC, detection: ROW, settles: {} },
  { name: "grpc-of-nobody", mood: "grpc-14", detection: ROW, settles: {} },
  {
    name: "overflow",
    detection: ROW,
    cluster: { circuit_breakers: { thresholds: [{ max_requests: 0 }] } },
    settles: {},
  },
  {
    name: "panic",
    hosts: TWO_BAD,
    detection: ROW,
    settles: { ejections_active: 2 },
  },
  {
    name: "no-panic",
    hosts: TWO_BAD,
    detection: ROW,
    cluster: NO_PANIC,
    settles: { ejections_active: 2 },
  },
  {
    name: "success-rate",
    hosts: FIVE,
    // A sweep in the middle of the requests leaves less than percentages ask for.
    detection: { ...SWEPT, failure_percentage_minimum_hosts: 100 },
    requests: 300,
    settles: { ejections_active: 1 },
  },
  {
    name: "success-rate-few",
    hosts: [...FIVE].slice(0, 4),
    detection: SWEPT,
    requests: 240,
    settles: {},
  },
  {
    name: "failure-percentage",
    hosts: FIVE,
    detection: {
      ...SWEPT,
      enforcing_success_rate: 0,
      success_rate_minimum_hosts: 100,
      enforcing_failure_percentage: 100,
      failure_percentage_request_volume: 20,
      failure_percentage_threshold: 90,
    },
    requests: 300,
  },
  {
    name: "split-success-rate",
    hosts: ["refused", "good", "better", "best", "fair"],
    detection: { ...SWEPT, split_external_local_origin_errors: true },
    requests: 300,
    settles: { ejections_active: 1 },
  },
  {
    name: "comes-back",
    detection: { ...ROW, interval: "0.1s", base_ejection_time: "0.2s" },
    requests: 9,
    heals: true,
    settles: { ejections_active: 0, ejections_enforced_total: 1 },
  },
];

const TCP: OutlierScene = {
  name: "tcp",
  hosts: REFUSED,
  detection: { ...SPLIT, consecutive_local_origin_failure: 2 },
};

function routeTo(cluster: string): string {
  const route = { match: { path: `/${cluster}` }, route: { cluster, timeout: "0.2s" } };
  return `              - ${JSON.stringify(route)}`;
}

describeWith(["envoy"], "outlier detection, beside a real Envoy", () => {
  let hosts: OutlierHosts;
  let envoy: ProxyUnderTest;
  let ours: readonly { readonly proxy: ProxyUnderTest; readonly tcp: number }[];
  let envoyTcp: number;

  beforeAll(async () => {
    hosts = await OutlierHosts.start();
    envoyTcp = await freePort();
    const clusters = [...SCENES, TCP].map((scene) => `  - ${hosts.cluster(scene)}`).join("\n");
    const routes = SCENES.map(({ name }) => routeTo(name)).join("\n");
    const yaml = YAML.replace("$CLUSTERS", clusters).replace("$ROUTES", routes);
    envoy = await ProxyUnderTest.start("envoy", yaml, { TCP: envoyTcp });
    const start = async (workers: number) => {
      const tcp = await freePort();
      const proxy = await ProxyUnderTest.start("outrigger", yaml, { TCP: tcp }, workers);
      return { proxy, tcp };
    };
    ours = [await start(1), await start(2)];
  });

  afterAll(async () => {
    await envoy?.stop();
    for (const { proxy } of ours ?? []) await proxy.stop();
    hosts?.stop();
  });

  describe("ejects the same hosts for the same reasons", () => {
    it.each(SCENES)("$name", async (scene) => {
      const wanted = await play(scene, envoy, hosts);
      for (const { proxy } of ours) expect(await play(scene, proxy, hosts)).toEqual(wanted);
    });
  });

  it("of TCP connections", async () => {
    const wanted = await playTcp(TCP, envoy, envoyTcp, hosts);
    for (const { proxy, tcp } of ours) {
      expect(await playTcp(TCP, proxy, tcp, hosts)).toEqual(wanted);
    }
  });
});
