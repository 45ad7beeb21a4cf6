import { describe, expect, it } from "vitest";
import { ask } from "../../../test/support/ask.ts";
import { MoodyEndpoint } from "../../../test/support/moody-endpoint.ts";
import { running } from "../../../test/support/one-hop.ts";
import { httpListener, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";
import { PEAK_EWMA_TYPE } from "../../xds/cluster/peak-ewma.ts";

const TYPED_STRUCT = "type.googleapis.com/xds.type.v3.TypedStruct";

function peakEwma(value: Record<string, unknown>): Record<string, unknown> {
  const typed_config = { "@type": TYPED_STRUCT, type_url: PEAK_EWMA_TYPE, value };
  const typed_extension_config = { name: "outrigger.peak_ewma", typed_config };
  return { load_balancing_policy: { policies: [{ typed_extension_config }] } };
}

/** Two endpoints, of which the first fails, and how many of so many requests that gets. */
async function scene(value: Record<string, unknown>) {
  const clock = new VirtualClock();
  const [bad, good] = [await MoodyEndpoint.start(), await MoodyEndpoint.start()];
  bad.mood = { status: 503 };
  const setup = await startSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route: { cluster: "cart" } }] })],
    [staticCluster("cart", [bad.port, good.port], peakEwma(value))],
    clock,
  );
  running.push(setup);
  const share = async (requests: number): Promise<number> => {
    const before = bad.requests;
    for (let i = 0; i < requests; i++) {
      await ask({ kind: "socket", host: "127.0.0.1", port: setup.port() }, "/");
    }
    return bad.requests - before;
  };
  /** What the first one is taken to need. */
  const rtt = (): number | undefined => {
    const [cluster] = setup.proxy.dataPlane.clusters.clusters;
    return cluster?.hosts[0]?.rtt?.load(0, clock.now());
  };
  return { bad, clock, rtt, share };
}

describe("an endpoint that fails fast, balanced by peak EWMA", () => {
  it("attracts requests where failures add no load", async () => {
    const { share } = await scene({});
    expect(await share(20)).toBeGreaterThan(1);
  });

  it("gets no more where they do, until the penalty is forgotten", async () => {
    const { clock, rtt, share } = await scene({ failure_penalty_ms: 5000 });
    expect(await share(20)).toBe(1);
    expect(rtt()).toBe(5000);
    clock.advance(10_000);
    expect(rtt()).toBeCloseTo(5000 / Math.E);
  });

  it("seems as slow as the time that it asks for, up to a longest one", async () => {
    const { bad, rtt, share } = await scene({ failure_penalty_ms: 1, max_retry_after_ms: 60_000 });
    bad.mood = { status: 429, headers: { "retry-after": "3600" } };
    expect(await share(20)).toBe(1);
    expect(rtt()).toBe(60_000);
  });
});
