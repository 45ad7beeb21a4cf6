import { beforeAll, describe, expect, it } from "vitest";
import {
  type MeshIdentity,
  meshIdentity,
  type ProxyPair,
  proxyPair,
} from "../../../test/support/proxy-pair.ts";
import type { Host } from "../cluster/host.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const DETECTION = { consecutive_5xx: 3, max_ejection_percent: 100 };

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

/** HTTP/1.1 through two sidecars, of which the first judges the second. */
function httpPair(carrying: boolean, detection: object = {}): Promise<ProxyPair> {
  const outlier_detection = { ...DETECTION, ...detection };
  return proxyPair(identity, { carrying, hcm: {}, cluster: { outlier_detection } });
}

function hostOf({ outbound }: ProxyPair): Host {
  const [host] = outbound.proxy.dataPlane.clusters.slot("peer").cluster?.hosts ?? [];
  if (host === undefined) throw new Error("no host");
  return host;
}

/** A request that the origin treats so; its status. */
async function ask(pair: ProxyPair, treat: "500" | "200" | "reset"): Promise<string> {
  const client = await pair.client();
  client.sends(GET);
  const upstream = await pair.origin.accepts();
  await upstream.receives("\r\n\r\n");
  if (treat === "reset") upstream.resets();
  else upstream.sends(`HTTP/1.1 ${treat} x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  const { head } = await client.receivesResponse();
  client.closes();
  return head.slice(9, 12);
}

/** A request for which nobody is behind the first sidecar. */
async function askInVain(pair: ProxyPair): Promise<string> {
  const client = await pair.client();
  client.sends(GET);
  const { head } = await client.receivesResponse();
  client.closes();
  return head.slice(9, 12);
}

describe.each([true, false])("a host behind another sidecar, carried: %s", (carrying) => {
  it("is ejected for its answers", async () => {
    const pair = await httpPair(carrying);
    for (const treat of ["500", "500", "200", "500", "500"] as const) await ask(pair, treat);
    expect(hostOf(pair).ejected).toBe(false);
    expect(await ask(pair, "500")).toBe("500");
    expect(hostOf(pair).ejected).toBe(true);
  });

  it("is ejected for what its sidecar says of it", async () => {
    const gateway = {
      consecutive_5xx: 0,
      consecutive_gateway_failure: 3,
      enforcing_consecutive_gateway_failure: 100,
    };
    const pair = await httpPair(carrying, gateway);
    for (let i = 0; i < 3; i++) expect(await ask(pair, "reset")).toBe("503");
    expect(hostOf(pair).ejected).toBe(true);
  });

  it("is ejected when it cannot be reached, its answers counting apart", async () => {
    const split = {
      consecutive_5xx: 0,
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 3,
    };
    const pair = await httpPair(carrying, split);
    for (let i = 0; i < 3; i++) await ask(pair, "500");
    expect(hostOf(pair).ejected).toBe(false);
    await pair.inbound.stop();
    for (let i = 0; i < 3; i++) expect(await askInVain(pair)).toBe("503");
    expect(hostOf(pair).ejected).toBe(true);
  });
});

describe.each([true, false])("a TCP host behind another sidecar, carried: %s", (carrying) => {
  it("is ejected when it cannot be reached", async () => {
    const pair = await proxyPair(identity, { carrying, cluster: { outlier_detection: DETECTION } });
    const client = await pair.client();
    client.sends("hello");
    const upstream = await pair.origin.accepts();
    await upstream.receives("hello");
    client.closes();
    await pair.inbound.stop();
    for (let i = 0; i < 3; i++) {
      const refused = await pair.client();
      await refused.sees("end").catch(() => undefined);
    }
    expect(hostOf(pair).ejected).toBe(true);
  });
});
