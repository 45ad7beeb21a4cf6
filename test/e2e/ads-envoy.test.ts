import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { type AdsServer, startAdsServer } from "../../src/control/server/ads-server.ts";

import { socketAddress } from "../../src/model/address.ts";
import { eventually, freePort, type RunningProgram, startEnvoy } from "../support/envoy-process.ts";
import { assignment, edsCluster, oneClusterSnapshot, routes } from "../support/sample-snapshot.ts";
import { SettableSource } from "../support/settable-source.ts";
import { describeWith } from "../support/tools.ts";

interface Origin {
  readonly port: number;
  close(): void;
}

async function startOrigin(says: string): Promise<Origin> {
  const server = http.createServer((_, response) => response.end(says));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

function bootstrap(ads: AdsServer): string {
  const { host, port } = ads.address;
  return JSON.stringify({
    node: { id: "envoy-1", cluster: "test" },
    dynamic_resources: {
      ads_config: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
      },
      cds_config: { ads: {}, resource_api_version: "V3" },
      lds_config: { ads: {}, resource_api_version: "V3" },
    },
    static_resources: {
      clusters: [
        {
          name: "xds",
          type: "STATIC",
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: "xds",
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: {
                      address: { socket_address: { address: host, port_value: port } },
                    },
                  },
                ],
              },
            ],
          },
        },
      ],
    },
  });
}

async function ask(port: number): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    return { status: response.status, body: await response.text() };
  } catch {
    return { status: 0, body: "" };
  }
}

describeWith(["envoy"], "a real Envoy on our ADS server", () => {
  const source = new SettableSource();
  let ads: AdsServer;
  let envoy: RunningProgram;
  let blue: Origin;
  let green: Origin;
  let port: number;

  beforeEach(async () => {
    blue = await startOrigin("blue");
    green = await startOrigin("green");
    port = await freePort();
    ads = await startAdsServer({
      address: socketAddress("127.0.0.1", 0),
      source,
      clock: systemClock,
    });
    source.set(oneClusterSnapshot("1", port, "blue", [blue.port]));
    envoy = startEnvoy(bootstrap(ads));
    await eventually("Envoy serves blue", async () => (await ask(port)).body === "blue");
  });

  afterEach(async () => {
    await envoy.stop();
    await ads.stop();
    blue.close();
    green.close();
  });

  it("serves the snapshot's routes and acknowledges every type", async () => {
    await eventually("everything is acknowledged", async () => ads.status()[0]?.synced === true);
    const [status] = ads.status();
    expect(status?.node.id).toBe("envoy-1");
    expect(status?.node.userAgentName).toBe("envoy");
    expect(status?.types).toEqual(
      ["cluster", "endpoint", "listener", "route"].map((type) => ({
        type,
        sent: "1",
        acknowledged: "1",
        rejection: "",
      })),
    );
  });

  it("moves to a cluster, and back by endpoints alone, without dropping a request", async () => {
    const answers = new Map<string, number>();
    let going = true;
    const load = (async () => {
      while (going) {
        const { status, body } = await ask(port);
        const key = `${status} ${body}`;
        answers.set(key, (answers.get(key) ?? 0) + 1);
      }
    })();
    source.set(oneClusterSnapshot("2", port, "green", [green.port]));
    await eventually("Envoy serves green", async () => (await ask(port)).body === "green");
    await eventually("version 2 is acknowledged", async () => ads.status()[0]?.synced === true);
    source.set(oneClusterSnapshot("3", port, "green", [blue.port]));
    await eventually("Envoy serves blue again", async () => (await ask(port)).body === "blue");
    going = false;
    await load;
    expect([...answers.keys()].sort()).toEqual(["200 blue", "200 green"]);
    const types = ads.status()[0]?.types ?? [];
    const sent = Object.fromEntries(types.map((type) => [type.type, type.sent]));
    expect(sent).toMatchObject({ endpoint: "3", listener: "1", route: "2" });
  });

  it("reports what Envoy refuses, and Envoy keeps serving", async () => {
    const good = oneClusterSnapshot("1", port, "blue", [blue.port]);
    const twice = edsCluster("blue", { connectTimeoutMs: -1 });
    source.set({ ...good, version: "bad", clusters: [twice] });
    await eventually("the refusal arrives", async () => {
      const cluster = ads.status()[0]?.types.find((type) => type.type === "cluster");
      return cluster?.rejection !== "";
    });
    expect(ads.status()[0]?.synced).toBe(false);
    expect(ads.status()[0]?.types[0]?.rejection).toContain("Expected positive duration");
    expect((await ask(port)).body).toBe("blue");
    source.set({
      ...good,
      version: "mended",
      routes: [routes("routes", good.routes[0]?.virtualHosts[0]?.routes ?? [])],
      endpoints: [assignment("blue", [green.port])],
    });
    await eventually("Envoy follows again", async () => (await ask(port)).body === "green");
  });
});
