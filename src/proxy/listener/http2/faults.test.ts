import { expect, it } from "vitest";
import { Http2Client } from "../../../../test/support/http2-client.ts";
import { answered, originServer, running } from "../../../../test/support/one-hop.ts";
import { httpListener, staticCluster } from "../../../../test/support/proxy-setup.ts";
import type { Random } from "../../../base/random.ts";
import { readBootstrap } from "../../bootstrap.ts";
import { startProxy } from "../../main.ts";

const INTERNAL_ERROR = 2;

/** Chance that fails once. */
class BrokenRandom implements Random {
  broken = false;

  next(): number {
    return this.below(1);
  }

  below(_bound: number): number {
    if (!this.broken) return 0;
    this.broken = false;
    throw new Error("broken chance");
  }
}

it("what one stream makes throw costs that stream, not the others of its connection", async () => {
  const origin = await originServer();
  const clusters = [
    { name: "origin", weight: 1 },
    { name: "other", weight: 1 },
  ];
  const routes = [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters } } }];
  const text = JSON.stringify({
    static_resources: {
      listeners: [httpListener({ routes })],
      clusters: [staticCluster("origin", [origin.port]), staticCluster("other", [1])],
    },
  });
  const { bootstrap } = readBootstrap(text, "test.json");
  if (bootstrap === undefined) throw new Error("refused");
  const random = new BrokenRandom();
  const notices: string[] = [];
  const onNotice = (notice: string): void => void notices.push(notice);
  const proxy = await startProxy({ bootstrap, random, onNotice });
  running.push({ stop: () => proxy.stop(0) });
  const address = proxy.dataPlane.listeners.get("in")?.boundAddress;
  const client = await Http2Client.connect(address?.kind === "socket" ? address.port : 0);
  running.unshift({ stop: () => client.closes() });

  const waiting = client.gets("/waiting");
  const upstream = await origin.accepts();
  await upstream.receives("GET /waiting ");
  random.broken = true;
  expect(await client.opens("/unlucky").ends()).toBe(INTERNAL_ERROR);
  await answered(upstream);
  expect((await waiting).body).toBe("ok");
  expect(notices.join()).toContain("broken chance");
  expect(proxy.telemetry.http("in").value("downstream_rq_active")).toBe(0);
});
