import { describe, expect, it } from "vitest";
import { AuthorizationServers } from "../../../../test/support/authorization-servers.ts";
import { originServer, running } from "../../../../test/support/one-hop.ts";
import type { PeerServer } from "../../../../test/support/peer.ts";
import {
  httpListener,
  OVER_HTTP2,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../../test/support/proxy-setup.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";

interface Scene {
  readonly setup: ProxySetup;
  readonly origin: PeerServer;
}

/** A proxy that asks over gRPC, and lets pass where nobody can be asked. */
async function failingOpen(): Promise<Scene> {
  const [origin, judges] = [await originServer(), await AuthorizationServers.start()];
  const authz = {
    "@type": `${FILTERS}.ext_authz.v3.ExtAuthz`,
    transport_api_version: "V3",
    failure_mode_allow: true,
    grpc_service: { envoy_grpc: { cluster_name: "judge" }, timeout: "5s" },
  };
  const http_filters = [
    { name: "authz", typed_config: authz },
    { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } },
  ];
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const clusters = [
    staticCluster("origin", [origin.port]),
    staticCluster("judge", [judges.grpcPort], OVER_HTTP2),
  ];
  const setup = await startSetup([httpListener({ hcm: { http_filters }, routes })], clusters);
  running.push(setup, judges);
  return { setup, origin };
}

describe("a refusal by an authorization server that is allowed to fail", () => {
  it.each([
    { wish: "deny-control", what: "a control character in a header", status: 403 },
    { wish: "deny-name", what: "a header that has no name", status: 403 },
    { wish: "deny-text", what: "text that is no Latin", status: 403 },
    { wish: "deny-status", what: "a status that there is not", status: 403 },
    { wish: "deny-long", what: "a body without end", status: 500 },
  ])("stays one with $what", async ({ wish, status }) => {
    const { setup, origin } = await failingOpen();
    const client = await setup.client();
    client.sends(`GET /grpc/${wish} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { head } = await client.receivesResponse();
    expect(head).toContain(` ${status} `);
    expect(head).not.toContain("x-admin");
    expect(origin.connections).toBe(0);
  });
});

describe("a consent of an authorization server that is allowed to fail", () => {
  it("lets nobody in who it cannot describe", async () => {
    const { setup, origin } = await failingOpen();
    const client = await setup.client();
    client.sends("GET /grpc/allow-control HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.receivesResponse()).head).toContain(" 500 ");
    expect(origin.connections).toBe(0);
  });

  it("says in UTF-8 what is no Latin", async () => {
    const { setup, origin } = await failingOpen();
    const client = await setup.client();
    client.sends("GET /grpc/allow-text HTTP/1.1\r\nHost: a\r\n\r\n");
    const upstream = await origin.accepts();
    const value = Buffer.from("zoë \u2192").toString("latin1");
    expect(await upstream.receives("\r\n\r\n")).toContain(`x-auth-user: ${value}\r\n`);
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });
});
