import { beforeAll, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import { type MeshIdentity, meshIdentity, originating } from "../../../test/support/proxy-pair.ts";
import {
  httpListener,
  OVER_HTTP2,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { RecordingHandler } from "../../../test/support/recording-handler.ts";

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

it.each([
  ["HTTP/1.1", false, {}],
  ["HTTP/1.1 that may be carried", true, {}],
  ["HTTP/2", false, OVER_HTTP2],
])(
  "%s: an origin that hangs up in the handshake was never connected",
  async (_, carrying, more) => {
    const origin = await originServer();
    const fields = { transport_socket: originating(identity), ...more };
    const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
    const setup = await startSetup(
      [httpListener({ routes })],
      [staticCluster("origin", [origin.port], fields)],
      undefined,
      undefined,
      carrying,
    );
    running.push(setup);
    const handler = new RecordingHandler();
    const cluster = setup.proxy.dataPlane.clusters.slot("origin").cluster;
    cluster?.hosts[0]?.poolFor(11).acquire(handler, "GET");
    (await origin.accepts()).ends();
    await expect.poll(() => handler.told).toHaveLength(1);
    expect(handler.told[0]).toMatch(/^no connection: remote connection failure/);
    expect(setup.stat("origin", "upstream_cx_connect_fail")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_active")).toBe(0);
    expect(cluster?.limits.remainingConnections).toBe(1024);
  },
);
