import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderOf, serviceYaml } from "../support/outrigger.ts";
import { runUp } from "../support/running-up.ts";
import type { Answers, Sample } from "../support/scraping-prometheus.ts";
import { describeWith, tool } from "../support/tools.ts";

const CLIENT = fileURLToPath(new URL("../support/prometheus-client.ts", import.meta.url));
const TIMEOUT_MS = 50_000;
const REQUESTS = 200;

/** Three pods of version-a and one of version-b, split three to one. */
const SPLIT = `apiVersion: v1
kind: Service
metadata: {name: my-service}
spec: {selector: {app: none}, ports: [{name: http, port: 9080}]}
---
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: canary}
spec:
  service: my-service
  backends: [{service: version-a, weight: 75}, {service: version-b, weight: 25}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: evenly}
spec: {host: version-a, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}
`;

const QUERIES = {
  split: 'sum by (destination_version) (istio_requests_total{reporter="source"})',
  evenness: 'sum by (instance) (istio_requests_total{reporter="destination",app="version-a"})',
  names: 'sum by (pod) (istio_requests_total{reporter="destination",app="version-a"})',
  callers:
    "count by (source_workload, source_workload_namespace) " +
    '(istio_requests_total{reporter="destination"})',
  lost:
    'sum(istio_requests_total{reporter="source"}) - ' +
    'sum(istio_requests_total{reporter="destination"})',
  limits:
    "envoy_cluster_circuit_breakers_default_remaining_retries" +
    '{envoy_cluster_name=~"outbound.*version-a.*",pod="client"}',
  retries: 'envoy_cluster_upstream_rq_retry{envoy_cluster_name=~"outbound.*",pod="client"}',
  p99:
    "histogram_quantile(0.99, sum by (le) " +
    '(istio_request_duration_milliseconds_bucket{reporter="source"}))',
};

function sampleOf(samples: readonly Sample[] | undefined, label: string, value: string): number {
  return samples?.find(({ labels }) => labels[label] === value)?.value ?? Number.NaN;
}

describeWith(["prometheus", "ip", "iptables", "root"], "a real Prometheus", () => {
  const folder = folderOf({
    "a.yaml": serviceYaml("version-a", ["a"], 3),
    "b.yaml": serviceYaml("version-b", ["b"]),
    "split.yaml": SPLIT,
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(["intercept", "explicit"])("finds and scrapes every pod in %s mode", (mode) => {
    let answers: Answers = {};

    beforeAll(async () => {
      const load = ["http://my-service:9080/", String(REQUESTS)];
      const queries = Object.entries(QUERIES).map(([name, query]) => `${name}=${query}`);
      const command = [process.execPath, CLIENT, tool("prometheus"), ...load, ...queries];
      const result = await runUp([folder, "--mode", mode, "--", ...command], TIMEOUT_MS);
      expect(result.status, result.stderr).toBe(0);
      answers = JSON.parse(result.stdout) as Answers;
    });

    it("and says how the versions share the requests", () => {
      const a = sampleOf(answers.split, "destination_version", "a");
      const b = sampleOf(answers.split, "destination_version", "b");
      expect(a + b).toBe(REQUESTS);
      // Four standard deviations of a share of 3/4 of 200 requests are 24.5.
      expect(Math.abs(a - 150)).toBeLessThan(25);
    });

    it("and says that round robin is even over the instances", () => {
      const values = answers.evenness?.map(({ value }) => value) ?? [];
      expect(values).toHaveLength(3);
      expect(Math.max(...values) - Math.min(...values)).toBeLessThanOrEqual(1);
      expect(answers.names?.map(({ labels }) => labels.pod?.slice(0, 11))).toEqual(
        Array.from({ length: 3 }, () => "version-a-a"),
      );
    });

    it("and knows who called, from the peers' own words", () => {
      const labels = { source_workload: "client", source_workload_namespace: "default" };
      expect(answers.callers?.map((sample) => sample.labels)).toEqual([labels]);
      expect(answers.lost?.map(({ value }) => value)).toEqual([0]);
    });

    it("and sees limits, retries and latencies without asking for more", () => {
      expect(answers.limits?.map(({ value }) => value)).toEqual([3]);
      expect(answers.retries?.map(({ value }) => value)).toEqual([0, 0, 0]);
      expect(answers.p99?.[0]?.value).toBeGreaterThan(0);
    });
  });
});
