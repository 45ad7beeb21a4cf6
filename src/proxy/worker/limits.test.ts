import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import { httpListener, staticCluster } from "../../../test/support/proxy-setup.ts";
import {
  answers,
  countingOrigin,
  GET,
  MANY,
  startWorkersSetup,
  TO_ORIGIN,
  until,
} from "../../../test/support/workers-setup.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

function tcpListener(name: string, cluster: string): unknown {
  const typed_config = { "@type": TCP, stat_prefix: cluster, cluster };
  return {
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "tcp", typed_config }] }],
  };
}

describe("limits of two workers", () => {
  it("hold for requests of both", async () => {
    const origin = await originServer();
    const thresholds = [{ max_requests: 3 }];
    const cluster = staticCluster("origin", [origin.port], { circuit_breakers: { thresholds } });
    const setup = await startWorkersSetup([httpListener({ routes: TO_ORIGIN })], [cluster]);
    const clients = await setup.clients(MANY);
    for (const client of clients) client.sends(GET);
    const refused = () => clients.filter(({ received }) => received.startsWith("HTTP/1.1 503"));
    await until(() => refused().length === MANY - 3);
    expect(await setup.metric("envoy_cluster_upstream_rq_active")).toBe(3);
    expect(await setup.metric("envoy_cluster_circuit_breakers_default_rq_open")).toBe(1);
    expect(await setup.metric("envoy_cluster_upstream_rq_active_overflow")).toBe(MANY - 3);
  });

  it.each([1, 3])("hold for HTTP connections: %s for both", async (max) => {
    const origin = await countingOrigin();
    const thresholds = [{ max_connections: max }];
    const cluster = staticCluster("origin", [origin.port], { circuit_breakers: { thresholds } });
    const setup = await startWorkersSetup([httpListener({ routes: TO_ORIGIN })], [cluster]);
    const clients = await setup.clients(MANY);
    for (let round = 0; round < 5; round++) {
      expect(new Set(await answers(clients))).toEqual(new Set(["ok"]));
    }
    expect(origin.mostRequests).toBe(max);
    expect(await setup.metric("envoy_cluster_upstream_rq_total")).toBe(5 * MANY);
  });

  it("hold for HTTP/2 connections, which go round between the workers", async () => {
    const server = createServer((_, response) => {
      response.setHeader("content-length", 2);
      response.end("ok");
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    running.push({ stop: () => void server.close() });
    const cluster = staticCluster("origin", [(server.address() as AddressInfo).port], {
      circuit_breakers: { thresholds: [{ max_connections: 1 }] },
      typed_extension_protocol_options: {
        [HTTP_OPTIONS]: {
          "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    });
    const setup = await startWorkersSetup([httpListener({ routes: TO_ORIGIN })], [cluster]);
    const clients = await setup.clients(MANY);
    for (let round = 0; round < 5; round++) {
      expect(new Set(await answers(clients))).toEqual(new Set(["ok"]));
    }
    expect(await setup.metric("envoy_cluster_upstream_cx_active")).toBeLessThanOrEqual(1);
    expect(await setup.metric("envoy_cluster_upstream_cx_http2_total")).toBeGreaterThan(1);
  });

  it("hold for TCP connections of both", async () => {
    const origin = await originServer();
    const thresholds = [{ max_connections: 1 }];
    const cluster = staticCluster("origin", [origin.port], { circuit_breakers: { thresholds } });
    const setup = await startWorkersSetup([tcpListener("in", "origin")], [cluster]);
    const clients = await setup.clients(MANY);
    await until(() => clients.filter(({ ended }) => ended).length === MANY - 1);
    expect(origin.connections).toBe(1);
    (await origin.accepts()).closes();
    clients.find(({ ended }) => !ended)?.closes();
    await until(async () => (await setup.metric("envoy_cluster_upstream_cx_active")) === 0);
    const next = await setup.client();
    next.sends("question");
    await (await origin.accepts()).receives("question");
  });
});
