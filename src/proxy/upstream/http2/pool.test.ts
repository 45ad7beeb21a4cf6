import { beforeAll, expect, it } from "vitest";
import { originServer, running } from "../../../../test/support/one-hop.ts";
import type { PeerServer } from "../../../../test/support/peer.ts";
import {
  type MeshIdentity,
  meshIdentity,
  originating,
} from "../../../../test/support/proxy-pair.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../../test/support/proxy-setup.ts";
import { RecordingHandler } from "../../../../test/support/recording-handler.ts";
import type { RequestPool } from "../request-pool.ts";

const HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

interface Scene {
  readonly setup: ProxySetup;
  readonly origin: PeerServer;
  readonly pool: RequestPool;
}

/** A pool of HTTP/2 whose origin takes connections, and never answers a handshake. */
async function scene(common: object, http2: object, more: object = {}): Promise<Scene> {
  const origin = await originServer();
  const cluster = staticCluster("origin", [origin.port], {
    transport_socket: originating(identity),
    typed_extension_protocol_options: {
      [HTTP]: {
        "@type": `type.googleapis.com/${HTTP}`,
        common_http_protocol_options: common,
        explicit_http_config: { http2_protocol_options: http2 },
      },
    },
    ...more,
  });
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const setup = await startSetup([httpListener({ routes })], [cluster]);
  running.push(setup);
  const host = setup.proxy.dataPlane.clusters.slot("origin").cluster?.hosts[0];
  if (host === undefined) throw new Error("there is no host");
  return { setup, origin, pool: host.poolFor(20) };
}

function waiting({ pool }: Scene, count: number): RecordingHandler[] {
  const handlers = Array.from({ length: count }, () => new RecordingHandler());
  for (const handler of handlers) pool.acquire(handler, "GET");
  return handlers;
}

it.each([
  { what: "as many as fit", common: {}, http2: {}, connections: 1 },
  { what: "two", common: {}, http2: { max_concurrent_streams: 2 }, connections: 3 },
  { what: "one", common: { max_requests_per_connection: 1 }, http2: {}, connections: 5 },
  {
    what: "two, and three at all",
    common: { max_requests_per_connection: 3 },
    http2: { max_concurrent_streams: 2 },
    connections: 3,
  },
])("five requests need $connections connections of $what", async (given) => {
  const all = await scene(given.common, given.http2);
  waiting(all, 5);
  expect(all.setup.stat("origin", "upstream_cx_total")).toBe(given.connections);
});

it("no more connections are opened than the cluster may have", async () => {
  const circuit_breakers = { thresholds: [{ max_connections: 2 }] };
  const all = await scene({ max_requests_per_connection: 1 }, {}, { circuit_breakers });
  waiting(all, 4);
  expect(all.setup.stat("origin", "upstream_cx_total")).toBe(2);
  expect(all.setup.stat("origin", "upstream_cx_overflow")).toBe(2);
  expect(all.setup.stat("origin", "upstream_rq_pending_active")).toBe(4);
});

it("all that wait go elsewhere once one connection fails, and count no more", async () => {
  const all = await scene({ max_requests_per_connection: 1 }, {});
  const handlers = waiting(all, 3);
  const [first] = [await all.origin.accepts(), await all.origin.accepts()];
  first.resets();
  await expect.poll(() => handlers.map(({ told }) => told.length)).toEqual([1, 1, 1]);
  expect(all.setup.stat("origin", "upstream_rq_pending_active")).toBe(0);
  expect(all.setup.stat("origin", "upstream_rq_pending_failure_eject")).toBe(3);
});
