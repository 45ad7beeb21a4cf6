import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { type AdsServer, startAdsServer } from "../../src/control/server/ads-server.ts";

import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import type { AdsSource, Bootstrap, ProxyConfig } from "../../src/model/bootstrap.ts";
import { ConfigClient } from "../../src/proxy/config-client.ts";
import { eventually } from "../support/envoy-process.ts";
import { assignment, edsCluster, oneClusterSnapshot } from "../support/sample-snapshot.ts";
import { SettableSource } from "../support/settable-source.ts";

const NODE = { id: "sidecar~1", cluster: "c", metadata: {}, userAgentName: "outrigger" };

function sourceAt(address: SocketAddress): AdsSource {
  const target = edsCluster("xds", {
    discovery: "static",
    loadAssignment: assignment("xds", [address.port]),
  });
  return { cluster: "xds", listeners: true, clusters: true, target };
}

let source: SettableSource;
let server: AdsServer;
let client: ConfigClient;
let configs: ProxyConfig[];

function serve(port: number): Promise<AdsServer> {
  return startAdsServer({
    address: socketAddress("127.0.0.1", port),
    source,
    clock: systemClock,
  });
}

beforeEach(async () => {
  source = new SettableSource();
  configs = [];
  server = await serve(0);
  const ads = sourceAt(server.address);
  const bootstrap: Bootstrap = {
    node: NODE,
    admin: undefined,
    listeners: [],
    clusters: [],
    ads,
    pod: undefined,
    carrying: true,
  };
  client = new ConfigClient(
    {
      bootstrap,
      clock: systemClock,
      random: new SeededRandom(1),
      onConfig: (config) => configs.push(config),
    },
    ads,
  );
  client.start();
});

afterEach(async () => {
  client.stop();
  await server.stop();
});

function portsOf(config: ProxyConfig | undefined): number[] {
  return (config?.endpoints ?? []).flatMap(({ localities }) =>
    localities.flatMap(({ endpoints }) =>
      endpoints.flatMap(({ address }) => (address.kind === "socket" ? [address.port] : [])),
    ),
  );
}

async function reaches(port: number): Promise<void> {
  await eventually(`endpoint ${port}`, async () => portsOf(configs.at(-1)).includes(port));
}

it("hands the first configuration on once it is whole, and acknowledges everything", async () => {
  const snapshot = oneClusterSnapshot("1", 8080, "a", [9001]);
  source.set(snapshot);
  await reaches(9001);
  const { version: _, ...content } = snapshot;
  expect(configs[0]).toEqual({ ...content, secrets: [] });
  await eventually("synced", async () => server.status()[0]?.synced === true);
  expect(client.state).toMatchObject({ connected: true, generation: 1, lastRejection: "" });
});

it("follows endpoints alone, keeping every other object as it was", async () => {
  source.set(oneClusterSnapshot("1", 8080, "a", [9001]));
  await reaches(9001);
  const before = configs.at(-1);
  source.set(oneClusterSnapshot("2", 8080, "a", [9002]));
  await reaches(9002);
  const after = configs.at(-1);
  expect(after?.listeners[0]).toBe(before?.listeners[0]);
  expect(after?.routes[0]).toBe(before?.routes[0]);
  expect(after?.clusters[0]).toBe(before?.clusters[0]);
});

it("refuses what it cannot run, says all of why, and keeps the last good", async () => {
  const good = oneClusterSnapshot("1", 8080, "a", [9001]);
  source.set(good);
  await reaches(9001);
  const bad = [
    edsCluster("a", { connectTimeoutMs: -5 }),
    edsCluster("b", { connectTimeoutMs: 0, thresholds: { ...edsCluster("b").thresholds } }),
  ];
  source.set({ ...good, version: "2", clusters: bad });
  await eventually("the refusal", async () => client.state.lastRejection !== "");
  const rejection = server.status()[0]?.types[0]?.rejection ?? "";
  expect(rejection).toContain("resources[0].connect_timeout: is too short");
  expect(rejection).toContain("resources[1].connect_timeout: is too short");
  expect(portsOf(configs.at(-1))).toEqual([9001]);
  source.set(oneClusterSnapshot("3", 8080, "a", [9003]));
  await reaches(9003);
  await eventually("all is well", async () => client.state.lastRejection === "");
});

it("comes back after the control plane was away, and serves meanwhile", async () => {
  source.set(oneClusterSnapshot("1", 8080, "a", [9001]));
  await reaches(9001);
  const { port } = server.address;
  await server.stop();
  await eventually("it is noticed", async () => !client.state.connected);
  expect(portsOf(configs.at(-1))).toEqual([9001]);
  source.set(oneClusterSnapshot("2", 8080, "a", [9002]));
  server = await serve(port);
  await reaches(9002);
});

it("takes 50,000 endpoints whole", async () => {
  const ports = Array.from({ length: 50_000 }, (_, index) => 1 + (index % 65_000));
  source.set(oneClusterSnapshot("1", 8080, "a", ports));
  await eventually("all of them", async () => portsOf(configs.at(-1)).length === ports.length);
});
