import { expect, it } from "vitest";
import { framesOf } from "../../../test/support/h2-notation.ts";
import { originServer, running } from "../../../test/support/one-hop.ts";
import {
  httpListener,
  OVER_HTTP2,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { ClusterStat } from "../telemetry/envoy/cluster-columns.ts";

it("an answer without body that does not end is waited for no longer", async () => {
  const clock = new VirtualClock();
  const origin = await originServer();
  const retry_policy = {
    retry_on: "5xx",
    num_retries: 3,
    per_try_idle_timeout: "0.1s",
    retry_back_off: { base_interval: "100s", max_interval: "100s" },
  };
  const route = { cluster: "origin", timeout: "0s", retry_policy };
  const setup = await startSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route }] })],
    [staticCluster("origin", [origin.port], OVER_HTTP2)],
    clock,
  );
  running.push(setup);
  const client = await setup.client();
  client.sends("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  const upstream = await origin.accepts();
  const stat = (name: ClusterStat) => setup.stat("origin", name);
  await expect.poll(() => stat("upstream_rq_active")).toBe(1);
  const bad = framesOf("SETTINGS\nHEADERS 1\n  :status: 503").toString("latin1");
  upstream.sends(bad);
  await expect.poll(() => stat("upstream_cx_rx_bytes_total")).toBe(bad.length);
  clock.advance(200);
  expect(stat("upstream_rq_per_try_idle_timeout")).toBe(0);
  while (stat("upstream_rq_total") < 2) clock.advance(50);
  upstream.sends(framesOf("HEADERS 3 END_STREAM\n  :status: 204").toString("latin1"));
  expect((await client.receivesResponse()).head).toContain("HTTP/1.1 204 ");
  clock.advance(100_000);
  expect(stat("upstream_rq_total")).toBe(2);
});
