import { expect, it } from "vitest";
import { answered, originServer, running } from "../../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../../test/support/peer.ts";
import { type ProxySetup, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import { CUT_DRAIN_MS, RENEWAL_DRAIN_MS } from "../tls/renewal/secured-connections.ts";

const TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

/** As a port under PERMISSIVE: what comes as it is, and the application's own TLS beside it. */
function listener(): object {
  const chain = (transport: string, cluster: string): object => ({
    name: transport,
    filter_chain_match: { transport_protocol: transport },
    filters: [{ name: "tcp", typed_config: { "@type": TCP, stat_prefix: transport, cluster } }],
  });
  return {
    name: "in",
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [chain("raw_buffer", "plain"), chain("tls", "tls")],
  };
}

interface Scene {
  readonly setup: ProxySetup;
  readonly clock: VirtualClock;
  readonly client: Peer;
}

/** A client whose plain connection has been served. */
async function scene(): Promise<Scene> {
  const clock = new VirtualClock();
  const origin: PeerServer = await originServer();
  const clusters = ["plain", "tls", "other"].map((name) => staticCluster(name, [origin.port]));
  const setup = await startSetup([listener()], clusters, clock);
  running.push(setup);
  const client = await setup.client();
  client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await answered(await origin.accepts(), "plain");
  expect((await client.receivesResponse()).body).toBe("plain");
  return { setup, clock, client };
}

/** The running configuration with other chains. */
function withChains(
  { proxy }: ProxySetup,
  change: (chains: ProxyConfig["listeners"][number]["filterChains"]) => unknown,
): ProxyConfig {
  const { clusters, listeners } = proxy.bootstrap;
  const changed = listeners.map((one) => ({ ...one, filterChains: change(one.filterChains) }));
  return { clusters, routes: [], endpoints: [], listeners: changed as never };
}

function open({ proxy }: ProxySetup): number {
  return proxy.dataPlane.listeners.connectionCount;
}

it("a connection that nothing would take any more is closed after fifteen seconds", async () => {
  const { client, clock, setup } = await scene();
  await setup.proxy.apply(withChains(setup, (chains) => chains.slice(1)));
  clock.advance(CUT_DRAIN_MS - 1);
  expect(open(setup)).toBe(1);
  clock.advance(1);
  await client.sees("end");
  await expect.poll(() => open(setup)).toBe(0);
});

it("a connection whose chain is another now is closed after ten minutes", async () => {
  const { client, clock, setup } = await scene();
  const moved = withChains(setup, (chains) =>
    JSON.parse(JSON.stringify(chains).replace('"cluster":"plain"', '"cluster":"other"')),
  );
  await setup.proxy.apply(moved);
  clock.advance(RENEWAL_DRAIN_MS - 1);
  expect(open(setup)).toBe(1);
  clock.advance(1);
  await client.sees("end");
});

it("a connection whose chain is the same stays, whatever becomes of others", async () => {
  const { clock, setup } = await scene();
  await setup.proxy.apply(withChains(setup, (chains) => chains.slice(0, 1)));
  clock.advance(RENEWAL_DRAIN_MS);
  expect(open(setup)).toBe(1);
});
