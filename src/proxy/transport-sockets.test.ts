import { beforeAll, describe, expect, it } from "vitest";
import { EitherOrigin } from "../../test/support/either-origin.ts";
import { running } from "../../test/support/one-hop.ts";
import {
  type MeshIdentity,
  meshIdentity,
  originating,
  proxyPair,
} from "../../test/support/proxy-pair.ts";
import { httpListener, type ProxySetup, startSetup } from "../../test/support/proxy-setup.ts";
import type { ProxyConfig } from "../model/bootstrap.ts";

const RAW = {
  name: "raw",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
  },
};

let identity: MeshIdentity;
beforeAll(async () => {
  identity = await meshIdentity();
});

function metadata(labels: object): object {
  return { metadata: { filter_metadata: { "envoy.transport_socket_match": labels } } };
}

interface Scene {
  /** Envoy's fields of the endpoint, and of its locality. */
  readonly endpoint?: object;
  readonly locality?: object;
  readonly cluster?: object;
  /** The last match, that of every endpoint; default plain TCP. */
  readonly others?: readonly object[];
}

/** A proxy before one origin: TLS where `tlsMode: istio` matches. */
async function scene(options: Scene): Promise<{ setup: ProxySetup; origin: EitherOrigin }> {
  const { cluster, endpoint, locality } = options;
  const origin = await EitherOrigin.listen(identity.certificate);
  running.push(origin);
  const { others = [{ name: "disabled", match: {}, transport_socket: RAW }] } = options;
  const address = { socket_address: { address: "127.0.0.1", port_value: origin.port } };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address }, ...endpoint }], ...locality }];
  const setup = await startSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route: { cluster: "up" } }] })],
    [
      {
        name: "up",
        connect_timeout: "1s",
        load_assignment: { cluster_name: "up", endpoints },
        transport_socket_matches: [
          { name: "istio", match: { tlsMode: "istio" }, transport_socket: originating(identity) },
          ...others,
        ],
        ...cluster,
      },
    ],
  );
  running.push(setup);
  return { setup, origin };
}

async function asked(setup: ProxySetup): Promise<string> {
  const client = await setup.client();
  client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  return (await client.receivesResponse()).body;
}

const ISTIO = { tlsMode: "istio" };

describe("an endpoint", () => {
  it.each([
    { name: "that matches is reached over TLS", endpoint: metadata(ISTIO), answer: "tls CN=one" },
    { name: "without labels is reached as the last one says", answer: "plain" },
    {
      name: "with another value, too",
      endpoint: metadata({ tlsMode: "disabled" }),
      answer: "plain",
    },
    {
      name: "with more labels than are asked for matches",
      endpoint: metadata({ ...ISTIO, version: "v1" }),
      answer: "tls CN=one",
    },
    {
      name: "without labels matches by its locality's",
      locality: metadata(ISTIO),
      others: [],
      answer: "tls CN=one",
    },
    {
      name: "that matches itself does not ask its locality",
      locality: metadata(ISTIO),
      answer: "plain",
    },
    {
      name: "that nothing matches is reached as the cluster says",
      others: [],
      get cluster() {
        return { transport_socket: originating(identity) };
      },
      answer: "tls CN=one",
    },
  ])("$name", async ({ answer, ...options }) => {
    const { setup } = await scene(options);
    expect(await asked(setup)).toBe(answer);
  });

  it("is checked over the transport that it matches", async () => {
    const check = {
      timeout: "1s",
      interval: "60s",
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      http_health_check: { path: "/" },
    };
    const { origin, setup } = await scene({
      endpoint: metadata(ISTIO),
      cluster: { health_checks: [check] },
    });
    await expect.poll(() => setup.stat("up", "membership_healthy")).toBe(1);
    expect(origin.seen).toEqual(["tls"]);
  });
});

/** The running configuration, changed in its text. */
function changed(setup: ProxySetup, from: string, to: string): ProxyConfig {
  const { listeners, clusters } = setup.proxy.bootstrap;
  const config = { listeners, clusters, routes: [], endpoints: [], secrets: [] };
  return JSON.parse(JSON.stringify(config).replaceAll(from, to)) as ProxyConfig;
}

describe("an endpoint whose labels change", () => {
  it("is reached by the other transport from then on, on new connections", async () => {
    const { origin, setup } = await scene({ endpoint: metadata({ tlsMode: "none" }) });
    expect(await asked(setup)).toBe("plain");
    await setup.proxy.apply(changed(setup, '"tlsMode":"none"', '"tlsMode":"istio"'));
    expect(await asked(setup)).toBe("tls CN=one");
    await setup.proxy.apply(changed(setup, "nothing", ""));
    expect(await asked(setup)).toBe("plain");
    expect(origin.seen).toEqual(["plain", "tls", "plain"]);
    await expect.poll(() => setup.stat("up", "upstream_cx_active")).toBe(1);
  });

  it("is not even sent on kept connections what a policy now forbids", async () => {
    const { origin, setup } = await scene({});
    expect(await asked(setup)).toBe("plain");
    const forbidden = '"hashKey":"","unreachable":"PeerAuthentication shop/default"';
    await setup.proxy.apply(changed(setup, '"hashKey":""', forbidden));
    expect(await asked(setup)).toContain("refused by policy: PeerAuthentication shop/default");
    await setup.proxy.apply(changed(setup, "nothing", ""));
    expect(await asked(setup)).toBe("plain");
    expect(origin.seen.filter((each) => each === "plain")).toHaveLength(2);
  });

  it("is as healthy as before until it is checked again", async () => {
    const check = {
      timeout: "1s",
      interval: "60s",
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      tcp_health_check: {},
    };
    const { setup } = await scene({
      endpoint: metadata({ tlsMode: "none" }),
      cluster: { health_checks: [check] },
    });
    await expect.poll(() => setup.stat("up", "membership_healthy")).toBe(1);
    await setup.proxy.apply(changed(setup, '"tlsMode":"none"', '"tlsMode":"istio"'));
    expect(setup.proxy.dataPlane.clusters.slot("up").cluster?.hosts[0]?.health).toBe("healthy");
    expect(setup.stat("up", "membership_healthy")).toBe(1);
  });
});

it("an endpoint that matches TLS is carried, as where the whole cluster speaks it", async () => {
  const pair = await proxyPair(identity, {
    hcm: {},
    cluster: {
      transport_socket: RAW,
      transport_socket_matches: [
        { name: "all", match: {}, transport_socket: originating(identity) },
      ],
    },
  });
  const clients = [await pair.client(), await pair.client()];
  for (const client of clients) client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const [i, client] of clients.entries()) {
    const upstream = await pair.origin.accepts();
    await upstream.receives("\r\n\r\n");
    upstream.sends(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n#${i}`);
    void client;
  }
  for (const client of clients) expect((await client.receivesResponse()).body).toMatch(/#[01]/);
  expect(pair.accepted).toBe(1);
});
