import { Socket } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { answered, originServer, running } from "../../../test/support/one-hop.ts";
import { httpListener, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** What the socket to an origin is told where its cluster asks for this keep-alive. */
async function toldWith(tcp_keepalive: object): Promise<unknown[][]> {
  const calls = vi.spyOn(Socket.prototype, "setKeepAlive");
  const origin = await originServer();
  const fields = { upstream_connection_options: { tcp_keepalive } };
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const clusters = [staticCluster("origin", [origin.port], fields)];
  const setup = await startSetup([httpListener({ routes })], clusters);
  running.push(setup);
  const client = await setup.client();
  client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await answered(await origin.accepts());
  await client.receivesResponse();
  return calls.mock.calls;
}

it.each([
  {
    asked: { keepalive_probes: 3, keepalive_time: 7, keepalive_interval: 2 },
    told: [true, 7000, 2000, 3],
  },
  // What is left out is the kernel's to say.
  { asked: { keepalive_time: 7 }, told: [true, 7000, 75_000, 9] },
  { asked: { keepalive_interval: 2 }, told: [true, 7_200_000, 2000, 9] },
  { asked: {}, told: [true, 7_200_000, 75_000, 9] },
  // No kernel takes more.
  {
    asked: { keepalive_probes: 1000, keepalive_time: 86_400, keepalive_interval: 86_400 },
    told: [true, 32_767_000, 32_767_000, 127],
  },
])("a cluster's TCP keep-alive $asked is the socket's", async ({ asked, told }) => {
  expect(await toldWith(asked)).toEqual([told]);
});

it.each(["keepalive_probes", "keepalive_time", "keepalive_interval"])(
  "%s of 0 means no keep-alive",
  async (field) => {
    expect(await toldWith({ keepalive_time: 7, [field]: 0 })).toEqual([]);
  },
);
