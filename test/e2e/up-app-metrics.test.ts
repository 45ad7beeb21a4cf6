import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseExposition } from "../support/exposition.ts";
import { folderOf } from "../support/outrigger.ts";
import { runUp } from "../support/running-up.ts";
import { describeWith, tool } from "../support/tools.ts";

/** An app with metrics of its own, one of which has the name of a sidecar's. */
const APP = `
require("node:http").createServer((request, response) => {
  const page = "# TYPE shop_orders_total counter\\nshop_orders_total 7\\n" +
    "# TYPE outrigger_metrics_rows gauge\\noutrigger_metrics_rows 1\\n";
  response.end(request.url === "/stats?all=1" ? page : "a page");
}).listen(Number(process.env.PORT), process.env.HOST);
`;
const shop = `apiVersion: v1
kind: Pod
metadata:
  name: shop
  labels: {app: shop}
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/port: "9080"
    prometheus.io/path: "/stats?all=1"
    outrigger.dev/command.app: |
      exec "$OUTRIGGER_NODE" -e '${APP.replaceAll("\n", " ")}'
spec:
  containers: [{name: app, image: example/shop, ports: [{containerPort: 9080}]}]
`;
const settings = `---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: {name: mesh}
enablePrometheusMerge: false
`;
const merged = folderOf({ "shop.yaml": shop });
const apart = folderOf({ "shop.yaml": shop, "mesh.yaml": settings });
afterAll(() => {
  for (const folder of [merged, apart]) rmSync(folder, { recursive: true, force: true });
});

/** Scrapes the pod as Prometheus does: where service discovery says. */
const CLIENT = String.raw`
set -e
targets=$(curl -sS --noproxy '*' "$OUTRIGGER_SD" | tr -d ' \n')
target=$(echo "$targets" | grep -o '"[^"]*:15020"\],"labels":{[^}]*"pod":"shop"' | cut -d '"' -f 2)
curl -sS --noproxy '*' "http://$target/stats/prometheus"
`;

async function scrape(mode: string, folder: string): Promise<string> {
  const client = ["--for", "60s", folder, "--", "sh", "-c", CLIENT];
  const { stdout, stderr, status } = await runUp(["--mode", mode, ...client], 90_000);
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  return stdout;
}

describeWith(["curl", "ip", "iptables", "promtool", "root"], "outrigger up", () => {
  describe.each(["intercept", "explicit"])("in %s mode", (mode) => {
    it("shows an app's metrics on its sidecar's page, as promtool likes it", async () => {
      const text = await scrape(mode, merged);
      const families = parseExposition(text);
      expect(families.get("shop_orders_total")?.samples.get("shop_orders_total{}")).toBe(7);
      expect(text).toContain('outrigger_app_scrapes_total{result="success"} 1\n');
      expect(text).toContain("\noutrigger_app_dropped_families_total 1\n");
      const { stderr, stdout } = spawnSync(tool("promtool"), ["check", "metrics"], { input: text });
      const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
      const expected = /^(?:envoy|istio)_|^shop_\w+ no help text$/;
      expect(complaints.filter((line) => !expected.test(line))).toEqual([]);
    });
  });

  it("keeps them apart where the MeshConfig says so", async () => {
    const text = await scrape("explicit", apart);
    expect(text).toContain("# TYPE envoy_cluster_upstream_rq_total counter\n");
    expect(text).not.toContain("shop_orders_total");
    expect(text).not.toContain("outrigger_app_scrapes_total");
  });
});
