import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Http2Client } from "../../../../test/support/http2-client.ts";
import { answersKeys, get, jwtScene, sceneToken } from "../../../../test/support/jwt-scene.ts";
import { answered, originServer, running } from "../../../../test/support/one-hop.ts";
import type { Peer } from "../../../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../../test/support/proxy-setup.ts";
import { jwksOf, signingKey } from "../../../../test/support/tokens.ts";
import { VirtualClock } from "../../../base/clock.ts";

const KEY = signingKey("one", "ES256");
const JWKS = jwksOf(KEY);
const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";

interface Asked {
  readonly provider?: Record<string, unknown>;
  readonly requires?: Record<string, unknown>;
  /** Between this filter and the router. */
  readonly behind?: readonly unknown[];
}

/** A proxy that answers itself, and asks for tokens of `https://a` before. */
async function answering({ provider, requires, behind = [] }: Asked = {}): Promise<ProxySetup> {
  const authn = {
    "@type": `${FILTERS}.jwt_authn.v3.JwtAuthentication`,
    providers: { a: { issuer: "https://a", local_jwks: { inline_string: JWKS }, ...provider } },
    rules: [{ match: { prefix: "/" }, requires: requires ?? { provider_name: "a" } }],
  };
  const http_filters = [
    { name: "jwt", typed_config: authn },
    ...behind,
    { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } },
  ];
  const routes = [
    { match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "in" } } },
  ];
  const listener = httpListener({ hcm: { http_filters }, routes });
  const setup = await startSetup([listener], [], new VirtualClock());
  running.push(setup);
  return setup;
}

const OPTIONAL = {
  requires_any: { requirements: [{ provider_name: "a" }, { allow_missing: {} }] },
};

/** Istio's way to ask for a claim. */
function rbacOn(path: readonly string[], value: Record<string, unknown>): unknown {
  const metadata = {
    filter: "envoy.filters.http.jwt_authn",
    path: path.map((key) => ({ key })),
    value,
  };
  const policy = { permissions: [{ any: true }], principals: [{ metadata }] };
  return {
    name: "rbac",
    typed_config: {
      "@type": `${FILTERS}.rbac.v3.RBAC`,
      rules: { action: "ALLOW", policies: { p: policy } },
    },
  };
}

describe("claims of a token", () => {
  it.each([
    ["whose subject is asked for", { sub: "alice" }, "in"],
    ["whose subject is another", { sub: "mallory" }, "RBAC: access denied"],
    ["without subject", { sub: undefined }, "RBAC: access denied"],
    ["with a subject elsewhere", { sub: "x", payload: { sub: "alice" } }, "RBAC: access denied"],
  ])("decide, for a token %s", async (_, claims, body) => {
    const value = { string_match: { exact: "alice" } };
    const setup = await answering({
      provider: { payload_in_metadata: "payload" },
      behind: [rbacOn(["payload", "sub"], value)],
    });
    const client = await setup.client();
    client.sends(get(sceneToken(KEY, claims)));
    expect(await client.receivesResponse()).toMatchObject({ body });
  });

  it("are one word of several", async () => {
    const value = { list_match: { one_of: { string_match: { exact: "write" } } } };
    const setup = await answering({
      provider: {
        payload_in_metadata: "payload",
        normalize_payload_in_metadata: { space_delimited_claims: ["scope"] },
      },
      behind: [rbacOn(["payload", "scope"], value)],
    });
    const client = await setup.client();
    client.sends(get(sceneToken(KEY, { scope: "read write" })));
    expect((await client.receivesResponse()).body).toBe("in");
    client.sends(get(sceneToken(KEY, { scope: "read writer" })));
    expect((await client.receivesResponse()).body).toBe("RBAC: access denied");
  });

  it("are nobody's without a token, and not those of the request before", async () => {
    const value = { present_match: true };
    const setup = await answering({
      provider: { payload_in_metadata: "payload" },
      requires: OPTIONAL,
      behind: [rbacOn(["payload", "sub"], value)],
    });
    const client = await setup.client();
    client.sends(get(sceneToken(KEY)));
    expect((await client.receivesResponse()).body).toBe("in");
    client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.receivesResponse()).body).toBe("RBAC: access denied");
    client.sends(get(sceneToken(KEY)));
    expect((await client.receivesResponse()).body).toBe("in");
  });
});

describe("a token that is known", () => {
  it("ends with its time, to the second, and begins with it", async () => {
    const clock = new VirtualClock();
    const nowS = Math.floor(clock.wall() / 1000);
    const setup = await answering({ provider: { clock_skew_seconds: 1 } });
    const client = await setup.client();
    const body = async (claims: Record<string, unknown>): Promise<string> => {
      client.sends(get(sceneToken(KEY, claims)));
      return (await client.receivesResponse()).body;
    };
    expect(await body({ exp: nowS - 1 })).toBe("in");
    expect(await body({ exp: nowS - 2 })).toBe("Jwt is expired");
    expect(await body({ nbf: nowS + 1 })).toBe("in");
    expect(await body({ nbf: nowS + 2 })).toBe("Jwt not yet valid");
  });

  it("is counted as known where a cache was asked for", async () => {
    const setup = await answering({ provider: { jwt_cache_config: { jwt_cache_size: 1 } } });
    const client = await setup.client();
    const [one, other] = [sceneToken(KEY), sceneToken(KEY, { sub: "other" })];
    for (const text of [one, one, other, one]) {
      client.sends(get(text));
      expect((await client.receivesResponse()).body).toBe("in");
    }
    const stats = setup.proxy.telemetry.jwt("in");
    expect([stats.value("jwt_cache_hit"), stats.value("jwt_cache_miss")]).toEqual([1, 3]);
  });
});

describe("over HTTP/2", () => {
  it("streams wait side by side for the same keys", async () => {
    const scene = await jwtScene();
    const client = await Http2Client.connect(scene.setup.port());
    running.push({ stop: () => client.closes() });
    const headers = { authorization: `Bearer ${sceneToken(KEY)}` };
    const answers = Array.from({ length: 50 }, () => client.gets("/", headers));
    const asked = await scene.keys.accepts();
    await answersKeys(asked, JWKS);
    // One that has answered may be asked again.
    const serve = async (peer: Peer): Promise<void> => {
      for (;;) await answered(peer);
    };
    void (async () => {
      for (;;) void serve(await scene.origin.accepts()).catch(() => undefined);
    })().catch(() => undefined);
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(scene.count("allowed")).toBe(50);
    expect(scene.setup.stat("keys", "upstream_rq_total")).toBe(1);
  });
});

describe("keys in a file", () => {
  const listenerWith = (path: string): unknown => {
    const authn = {
      "@type": `${FILTERS}.jwt_authn.v3.JwtAuthentication`,
      providers: { a: { issuer: "https://a", local_jwks: { filename: path } } },
      rules: [{ match: { prefix: "/" }, requires: { provider_name: "a" } }],
    };
    const http_filters = [
      { name: "jwt", typed_config: authn },
      { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } },
    ];
    const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
    return httpListener({ hcm: { http_filters }, routes });
  };

  it("verify; and a file without them keeps the listener from being taken", async () => {
    const folder = mkdtempSync(join(tmpdir(), "outrigger-jwks-"));
    running.push({ stop: () => rmSync(folder, { recursive: true }) });
    const path = join(folder, "jwks.json");
    const origin = await originServer();
    const clusters = [staticCluster("origin", [origin.port])];
    const start = () => startSetup([listenerWith(path)], clusters, new VirtualClock());
    await expect(start()).rejects.toThrow(`jwt_authn provider a: ${path} does not exist`);
    writeFileSync(path, '{"keys":[]}');
    await expect(start()).rejects.toThrow("has no public key to verify tokens with");
    writeFileSync(path, " ".repeat(1024 * 1024 + 1));
    await expect(start()).rejects.toThrow("has more than 1048576 bytes");
    writeFileSync(path, JWKS);
    const setup = await start();
    running.push(setup);
    const client = await setup.client();
    client.sends(get(sceneToken(KEY)));
    expect(await answered(await origin.accepts())).not.toContain("authorization");
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });
});
