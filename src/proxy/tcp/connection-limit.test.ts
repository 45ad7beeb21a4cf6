import { expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import { tcpListener } from "../../../test/support/proxy-pair.ts";
import { httpListener, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";

const LIMIT = {
  name: "limit",
  typed_config: {
    "@type":
      "type.googleapis.com/envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
    stat_prefix: "few",
    token_bucket: { max_tokens: 1, fill_interval: "10s" },
  },
};

interface WithChains {
  readonly filter_chains: readonly { readonly filters: readonly object[] }[];
}

function limited(listener: unknown): object {
  const { filter_chains, ...rest } = listener as WithChains;
  const chains = filter_chains.map((chain) => ({ ...chain, filters: [LIMIT, ...chain.filters] }));
  return { ...rest, filter_chains: chains };
}

it("connections over the limit are closed, until there is a token again", async () => {
  const clock = new VirtualClock();
  const origin = await originServer();
  const clusters = [staticCluster("origin", [origin.port])];
  const setup = await startSetup([limited(tcpListener("origin"))], clusters, clock);
  running.push(setup);
  const first = await setup.client();
  first.sends("one");
  await (await origin.accepts()).receives("one");
  const second = await setup.client();
  second.sends("two");
  await second.sees("end");
  expect(setup.proxy.telemetry.connectionLimit("few").refused).toBe(1);
  clock.advance(10_000);
  const third = await setup.client();
  third.sends("three");
  await (await origin.accepts()).receives("three");
  expect(origin.connections).toBe(2);
});

it("a limit before an HTTP connection manager is refused", async () => {
  const listener = httpListener({ routes: [] });
  await expect(startSetup([limited(listener)], [])).rejects.toThrow(/a TCP proxy/);
});
