import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { oneHop, originServer, running } from "../../../test/support/one-hop.ts";
import { type MeshIdentity, meshIdentity, originating } from "../../../test/support/proxy-pair.ts";
import { httpListener, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { RecordingHandler } from "../../../test/support/recording-handler.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { Host } from "../cluster/host.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const BY_ALPN = {
  typed_extension_protocol_options: {
    [HTTP_OPTIONS]: {
      "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
      auto_config: { http_protocol_options: {} },
    },
  },
};

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

/** An origin behind TLS that selects one of these protocols; gives its port. */
async function origin(protocols: readonly string[]): Promise<number> {
  const { authority, certificate } = identity;
  const server = createServer(
    {
      cert: certificate.chain,
      key: certificate.key,
      ca: authority.pem,
      ALPNProtocols: [...protocols],
    },
    (socket) => {
      socket.on("error", () => undefined).resume();
      running.push({ stop: () => void socket.destroy() });
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({ stop: () => void server.close() });
  return (server.address() as AddressInfo).port;
}

/** The only host of a cluster with these fields. */
async function hostAt(
  port: number,
  fields: Record<string, unknown>,
  clock?: VirtualClock,
): Promise<Host> {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const cluster = { transport_socket: originating(identity), ...fields };
  const clusters = [staticCluster("origin", [port], cluster)];
  const setup = await startSetup([httpListener({ routes })], clusters, clock);
  running.push(setup);
  const host = setup.proxy.dataPlane.clusters.slot("origin").cluster?.hosts[0];
  if (host === undefined) throw new Error("the cluster has no host");
  return host;
}

describe.each([
  ["chosen by ALPN: HTTP/1.1", ["http/1.1"], BY_ALPN],
  ["chosen by ALPN: HTTP/2", ["h2"], BY_ALPN],
  ["of a peer that carries nothing", ["http/1.1"], {}],
])("a connection %s", (_what, protocols, fields) => {
  it("serves the next request when the first has not waited for it", async () => {
    const host = await hostAt(await origin(protocols), fields);
    const pool = host.poolFor(11);
    const [first, second] = [new RecordingHandler(), new RecordingHandler()];
    pool.acquire(first, "GET");
    pool.cancel(first);
    const { limits, stats, tlsStats } = host.cluster;
    await expect.poll(() => tlsStats.value("handshake")).toBe(1);
    pool.acquire(second, "GET");
    expect(second.told).toEqual(["connection"]);
    expect(first.told).toEqual([]);
    expect(pool.size).toBe(1);
    expect(stats.value("upstream_cx_total")).toBe(1);
    expect(limits.remainingConnections).toBe(1023);
    second.stream?.abandon();
    limits.releaseRequest();
    host.drain();
    expect(pool.size).toBe(0);
    expect(stats.value("upstream_cx_active")).toBe(0);
    expect(limits.remainingConnections).toBe(1024);
    expect(limits.remainingRequests).toBe(1024);
  });
});

it("a dial that took too long does not end the one that follows it", async () => {
  const silent = await originServer();
  const clock = new VirtualClock();
  const host = await hostAt(silent.port, BY_ALPN, clock);
  const pool = host.poolFor(11);
  const [first, second] = [new RecordingHandler(), new RecordingHandler()];
  first.onTold = () => pool.acquire(second, "GET");
  pool.acquire(first, "GET");
  const upstream = await silent.accepts();
  clock.advance(1000);
  expect(first.told).toEqual(["no connection: connection timeout"]);
  await upstream.sees("end");
  await silent.accepts();
  expect(second.told).toEqual([]);
  clock.advance(1000);
  expect(second.told).toEqual(["no connection: connection timeout"]);
  expect(host.cluster.limits.remainingConnections).toBe(1024);
});

it("a CONNECT beyond the limit leaves those that wait alone", async () => {
  const limited = { circuit_breakers: { thresholds: [{ max_connections: 1 }] } };
  const { proxy } = await oneHop(await originServer(), { cluster: limited });
  const host = proxy.dataPlane.clusters.slot("origin").cluster?.hosts[0];
  const [first, second] = [new RecordingHandler(), new RecordingHandler()];
  host?.connectPool.acquire(first, "CONNECT");
  host?.connectPool.acquire(second, "CONNECT");
  expect(second.told).toEqual(["no connection: overflow"]);
  await expect.poll(() => first.told[0]).toBe("connection");
});
