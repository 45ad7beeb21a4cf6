import { expect, it } from "vitest";
import { answered, originServer, running } from "../../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { Cluster } from "../../model/cluster.ts";

interface Scene {
  readonly clock: VirtualClock;
  readonly client: Peer;
  readonly origin: PeerServer;
  readonly setup: ProxySetup;
}

/** A request whose first try has failed, and whose second has not begun. */
async function backingOff(): Promise<Scene> {
  const clock = new VirtualClock();
  const origin = await originServer();
  const retry_policy = { retry_on: "5xx", num_retries: 1 };
  const route = { cluster: "origin", timeout: "0s", retry_policy };
  const setup = await startSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route }] })],
    [staticCluster("origin", [origin.port])],
    clock,
  );
  running.push(setup);
  const client = await setup.client();
  client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const upstream = await origin.accepts();
  await upstream.receives("\r\n\r\n");
  upstream.sends("HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno");
  await upstream.sees("end");
  return { clock, client, origin, setup };
}

/** The running configuration with these clusters. */
async function swaps({ proxy }: ProxySetup, clusters: readonly Cluster[]): Promise<void> {
  const { listeners } = proxy.bootstrap;
  await proxy.apply({ listeners, clusters, routes: [], endpoints: [] });
}

it("a retry goes nowhere whose cluster is gone", async () => {
  const { client, clock, origin, setup } = await backingOff();
  await swaps(setup, []);
  clock.advance(25);
  const { body, head } = await client.receivesResponse();
  expect(head).toContain("503 Service Unavailable");
  expect(body).toBe("no healthy upstream");
  expect(origin.connections).toBe(1);
});

it("a retry goes to the cluster as it is now", async () => {
  const { client, clock, origin, setup } = await backingOff();
  const now = await originServer();
  const text = JSON.stringify(setup.proxy.bootstrap.clusters)
    .replaceAll(`"port":${origin.port}`, `"port":${now.port}`)
    .replace('"connectTimeoutMs":1000', '"connectTimeoutMs":2000');
  await swaps(setup, JSON.parse(text));
  clock.advance(25);
  await answered(await now.accepts(), "now");
  expect((await client.receivesResponse()).body).toBe("now");
  expect(setup.stat("origin", "upstream_rq_retry_success")).toBe(1);
  expect(setup.stat("origin", "upstream_rq_active")).toBe(0);
});
