import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Http2Scene, http2Scene } from "../../test/support/http2-scene.ts";
import { answered, originServer, running } from "../../test/support/one-hop.ts";
import type { PeerServer } from "../../test/support/peer.ts";
import {
  type MeshIdentity,
  meshIdentity,
  proxyPair,
  tcpListener,
} from "../../test/support/proxy-pair.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters";
const ROUTER = { name: "router", typed_config: { "@type": `${FILTERS}.http.router.v3.Router` } };
const FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

function rules(action: string, permission: object, principal: object = { any: true }): object {
  return { action, policies: { one: { permissions: [permission], principals: [principal] } } };
}

function deny(permission: object): object {
  return rules("DENY", permission);
}

function pathOf(exact: string): object {
  return { url_path: { path: { exact } } };
}

/** Fields of a connection manager with these rules. */
function asking(said: object, more: object = {}): Record<string, unknown> {
  const typed_config = { "@type": `${FILTERS}.http.rbac.v3.RBAC`, rules: said };
  return { http_filters: [{ name: "rbac", typed_config }, ROUTER], ...more };
}

function network(said: object, more: object = {}): object {
  const typed_config = { "@type": `${FILTERS}.network.rbac.v3.RBAC`, stat_prefix: "tcp", ...more };
  return { name: "rbac", typed_config: { ...typed_config, rules: said } };
}

let identity: MeshIdentity;
let folder: string;

beforeAll(async () => {
  identity = await meshIdentity();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "policies-"));
});

afterAll(() => fs.rmSync(folder, { recursive: true }));

function scene(said: object, more: object = {}): Promise<Http2Scene> {
  return http2Scene({ hcm: asking(said, more) });
}

describe("policies of HTTP/2", () => {
  it("are asked stream by stream", async () => {
    const { client, origin } = await scene(deny(pathOf("/admin")));
    const served = client.opens("/");
    const upstream = await origin.accepts();
    await answered(upstream);
    expect((await served.answer()).status).toBe(200);
    const denied = await client.opens("/admin").answer();
    expect(denied).toMatchObject({ status: 403, body: "RBAC: access denied" });
    expect((await client.opens("/admin").answer()).status).toBe(403);
  });

  it("answer a gRPC call in its own words", async () => {
    const { client } = await scene(deny({ any: true }));
    const headers = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };
    const { headers: told, status } = await client.opens("/a.B/C", headers, true).answer();
    expect(status).toBe(200);
    expect(told).toMatchObject({ "grpc-status": "7", "grpc-message": "RBAC: access denied" });
  });

  it("are asked about a WebSocket, which is a GET", async () => {
    const get = { header: { name: ":method", string_match: { exact: "GET" } } };
    const { client } = await scene(deny(get), {
      upgrade_configs: [{ upgrade_type: "websocket" }],
      http2_protocol_options: { allow_connect: true },
    });
    const headers = { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http" };
    expect((await client.opens("/chat", headers, false).answer()).status).toBe(403);
  });

  it("are asked about a CONNECT, whose path nobody is let in by", async () => {
    const allowed = rules("ALLOW", { not_rule: pathOf("/admin") });
    const { client } = await http2Scene({
      hcm: asking(allowed, { upgrade_configs: [{ upgrade_type: "connect" }] }),
      routes: [{ match: { connect_matcher: {} }, route: { cluster: "origin" } }],
    });
    expect((await client.connects("a:80").head())[":status"]).toBe(403);
  });
});

describe("policies of HTTP/1.1", () => {
  let origin: PeerServer;

  async function hop(said: object, more: object = {}): Promise<ProxySetup> {
    origin = await originServer();
    const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
    const listener = httpListener({ hcm: asking(said, more), routes });
    const setup = await startSetup([listener], [staticCluster("origin", [origin.port])]);
    running.push(setup);
    return setup;
  }

  it.each([
    ["a WebSocket", "GET /admin HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"],
    ["a HEAD", "HEAD /admin HTTP/1.1\r\n"],
    ["another way to write the path", "GET /x/..;/admin HTTP/1.1\r\n"],
    ["an absolute target", "GET http://a/admin HTTP/1.1\r\n"],
  ])("deny %s, and keep the connection", async (_, head) => {
    const setup = await hop(deny(pathOf("/admin")), {
      upgrade_configs: [{ upgrade_type: "websocket" }],
    });
    const client = await setup.client();
    client.sends(`${head}Host: a\r\n\r\n`);
    expect(await client.receives("\r\n\r\n")).toContain("HTTP/1.1 403 Forbidden\r\n");
  });

  it("match the path that is logged and forwarded", async () => {
    const file = path.join(folder, "path.log");
    const log_format = {
      text_format_source: { inline_string: "%REQ(:PATH)% %RESPONSE_CODE_DETAILS%\n" },
    };
    const access_log = [{ name: "f", typed_config: { "@type": FILE, path: file, log_format } }];
    const setup = await hop(deny(pathOf("/admin")), { normalize_path: true, access_log });
    const client = await setup.client();
    client.sends("GET /x/%2e%2e/admin?a=b HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.receives("denied")).toContain("403 Forbidden");
    running.pop();
    await setup.stop();
    const details = "rbac_access_denied_matched_policy[one]";
    expect(fs.readFileSync(file, "utf8")).toBe(`/admin?a=b ${details}\n`);
  });

  it("never fail open for a byte that is no text", async () => {
    const plain = { header: { name: "x", string_match: { safe_regex: { regex: "[a-z]*" } } } };
    const setup = await hop(rules("DENY", { not_rule: plain }));
    for (const value of ["\xff", "a\xff", "\x80"]) {
      const client = await setup.client();
      client.sends(`GET / HTTP/1.1\r\nHost: a\r\nX: ${value}\r\n\r\n`);
      expect(await client.receives("denied"), value).toContain("403 Forbidden");
    }
  });

  it.each([
    ["the client itself", { use_remote_address: true }, "203.0.113.9", "allowed"],
    ["a proxy's client", {}, "203.0.113.9", "denied"],
    [
      "the client of a proxy in front",
      { use_remote_address: true, xff_num_trusted_hops: 1 },
      "198.51.100.1, 203.0.113.9",
      "denied",
    ],
    [
      "a client that forges one",
      { use_remote_address: true, xff_num_trusted_hops: 1 },
      "203.0.113.9, 198.51.100.1",
      "allowed",
    ],
    [
      "the client of a proxy in front, nothing appended",
      { use_remote_address: true, xff_num_trusted_hops: 1, skip_xff_append: true },
      "198.51.100.1, 203.0.113.9",
      "denied",
    ],
  ])("take for the client %s", async (_, more, forwarded, expected) => {
    const remote_ip = { address_prefix: "203.0.113.9", prefix_len: 32 };
    const setup = await hop(rules("DENY", { any: true }, { remote_ip }), more);
    const client = await setup.client();
    client.sends(`GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${forwarded}\r\n\r\n`);
    if (expected === "denied") expect(await client.receives("denied")).toContain("403");
    else await (await origin.accepts()).receives("\r\n\r\n");
  });

  it("are counted, by policy where asked for", async () => {
    const typed = { "@type": `${FILTERS}.http.rbac.v3.RBAC`, track_per_rule_stats: true };
    const http_filters = [
      { name: "rbac", typed_config: { ...typed, rules: deny(pathOf("/admin")) } },
      ROUTER,
    ];
    const setup = await hop({}, { http_filters });
    const client = await setup.client();
    client.sends("GET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.receives("denied");
    const stats = setup.proxy.telemetry.rbac({
      statPrefix: "in",
      rulesStatPrefix: "",
      shadowRulesStatPrefix: "",
    });
    expect(stats.value("denied")).toBe(1);
    expect(stats.value("allowed")).toBe(0);
  });
});

describe("policies of TCP connections", () => {
  it("end what they deny before anything is connected, and say so", async () => {
    const origin = await originServer();
    const file = path.join(folder, "tcp.log");
    const inline_string =
      "%RESPONSE_FLAGS% %CONNECTION_TERMINATION_DETAILS% %UPSTREAM_HOST% " +
      "%DYNAMIC_METADATA(envoy.filters.network.rbac)%\n";
    const log_format = { text_format_source: { inline_string } };
    const access_log = [{ name: "f", typed_config: { "@type": FILE, path: file, log_format } }];
    const listener = tcpListener("origin", { access_log });
    const shadow = { shadow_rules: {}, shadow_rules_stat_prefix: "dry_" };
    const [chain] = listener.filter_chains as { filters: object[] }[];
    chain?.filters.unshift(network(deny({ any: true }), shadow));
    const setup = await startSetup([listener], [staticCluster("origin", [origin.port])]);
    const client = await setup.client();
    await client.sees("end");
    expect(setup.stat("origin", "upstream_cx_total")).toBe(0);
    await setup.stop();
    expect(fs.readFileSync(file, "utf8")).toBe(
      '- rbac_access_denied_matched_policy[one] - {"dry_shadow_engine_result":"denied"}\n',
    );
  });

  it.each([true, false])(
    "ask each for its sidecar's certificate, carried: %s",
    async (carrying) => {
      const named = (exact: string) => ({ authenticated: { principal_name: { exact } } });
      for (const [name, served] of [
        ["one.example", true],
        ["spiffe://mesh/ns/default/sa/other", false],
      ] as const) {
        const pair = await proxyPair(identity, {
          carrying,
          before: [network(rules("ALLOW", { any: true }, named(name)))],
        });
        for (let i = 0; i < 2; i++) {
          const client = await pair.client();
          client.sends("question");
          if (served) await (await pair.origin.accepts()).receives("question");
          else await client.sees("end");
        }
        expect(pair.inbound.stat("origin", "upstream_cx_total")).toBe(served ? 2 : 0);
      }
    },
  );
});
