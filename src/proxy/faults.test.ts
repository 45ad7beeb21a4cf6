import { expect, it } from "vitest";
import { running } from "../../test/support/one-hop.ts";
import { connectPeer, PeerServer } from "../../test/support/peer.ts";
import { httpListener, staticCluster } from "../../test/support/proxy-setup.ts";
import type { Random } from "../base/random.ts";
import { readBootstrap } from "./bootstrap.ts";
import { type RunningProxy, startProxy } from "./main.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Chance that fails as often as asked. */
class BrokenRandom implements Random {
  failures = 0;

  next(): number {
    return this.below(1);
  }

  below(_bound: number): number {
    if (this.failures-- > 0) throw new Error("broken chance");
    return 0;
  }
}

interface Broken {
  readonly origin: PeerServer;
  readonly proxy: RunningProxy;
  readonly random: BrokenRandom;
  readonly notices: string[];
  readonly port: number;
}

async function setUp(route: object): Promise<Broken> {
  const origin = await PeerServer.listen();
  const routes = [{ match: { prefix: "/" }, route }];
  const listeners = [httpListener({ routes })];
  const clusters = [staticCluster("origin", [origin.port]), staticCluster("other", [1])];
  const text = JSON.stringify({ static_resources: { listeners, clusters } });
  const { bootstrap } = readBootstrap(text, "test.json");
  if (bootstrap === undefined) throw new Error("refused");
  const random = new BrokenRandom();
  const notices: string[] = [];
  const onNotice = (notice: string) => void notices.push(notice);
  const proxy = await startProxy({ bootstrap, random, onNotice });
  running.push({ stop: () => origin.close() }, { stop: () => proxy.stop(0) });
  const address = proxy.dataPlane.listeners.get("in")?.boundAddress;
  if (address?.kind !== "socket") throw new Error("not bound");
  return { origin, proxy, random, notices, port: address.port };
}

it("what a client's bytes make throw costs that client its connection, nobody else", async () => {
  const clusters = [
    { name: "origin", weight: 1 },
    { name: "other", weight: 1 },
  ];
  const { notices, origin, port, proxy, random } = await setUp({
    weighted_clusters: { clusters },
  });
  random.failures = 2;
  for (let i = 0; i < 2; i++) {
    const unlucky = await connectPeer(port);
    unlucky.sends(GET);
    await unlucky.sees("end");
  }
  const client = await connectPeer(port);
  client.sends(GET);
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  expect((await client.receivesResponse()).body).toBe("ok");
  expect(proxy.telemetry.http("in").value("downstream_rq_active")).toBe(0);
  expect(proxy.telemetry.http("in").value("downstream_cx_active")).toBe(1);
  expect(notices.filter((notice) => notice.includes("broken chance")).length).toBe(1);
});

it("what an upstream's bytes make throw ends both connections of that request", async () => {
  const retry_policy = { retry_on: "5xx", num_retries: 1 };
  const { origin, port, proxy, random } = await setUp({ cluster: "origin", retry_policy });
  const client = await connectPeer(port);
  client.sends(GET);
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  random.failures = 1;
  upstream.sends("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
  await client.sees("end");
  await upstream.sees("end");
  const stats = proxy.telemetry.cluster("origin");
  expect(stats.value("upstream_rq_active")).toBe(0);
  expect(stats.value("upstream_cx_active")).toBe(0);
  expect(proxy.telemetry.http("in").value("downstream_rq_active")).toBe(0);
});
