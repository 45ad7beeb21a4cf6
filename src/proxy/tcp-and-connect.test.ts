import { describe, expect, it } from "vitest";
import { originServer, running } from "../../test/support/one-hop.ts";

import { httpListener, startSetup, staticCluster } from "../../test/support/proxy-setup.ts";
import { renderPrometheus } from "../metrics/text-format.ts";

const TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const INSPECTOR =
  "type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector";

function tcpFilter(cluster: string): unknown {
  const typed_config = { "@type": TCP, stat_prefix: cluster, cluster };
  return { name: "tcp", typed_config };
}

function tcpListener(name: string, cluster: string): unknown {
  return {
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [tcpFilter(cluster)] }],
  };
}

/** A listener whose connections Istio's metrics know, and a cluster without a name in the mesh. */
function toldListener(direction: string, cluster: string): unknown {
  const telemetry = {
    name: "outrigger.telemetry",
    typed_config: {
      "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
      type_url: "outrigger.dev/telemetry",
      value: { direction },
    },
  };
  return {
    name: "in",
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [telemetry, tcpFilter(cluster)] }],
  };
}

function samples(text: string, name: string): string[] {
  return text.split("\n").filter((line) => line.startsWith(`${name}{`));
}

describe("a TCP proxy's metrics", () => {
  it("tell of a connection as Istio and Envoy do", async () => {
    const origin = await originServer();
    const setup = await startSetup(
      [toldListener("outbound", "origin")],
      [staticCluster("origin", [origin.port])],
    );
    running.push(setup);
    const client = await setup.client();
    const upstream = await origin.accepts();
    client.sends("question");
    await upstream.receives("question");
    upstream.sends("yes");
    await client.receives("yes");
    upstream.ends();
    client.ends();
    await client.sees("end");
    await upstream.sees("end");
    const { telemetry } = setup.proxy;
    const text = [...renderPrometheus(telemetry.registry)].join("");
    for (const [name, value] of [
      ["istio_tcp_connections_opened_total", 1],
      ["istio_tcp_received_bytes_total", 8],
      ["istio_tcp_sent_bytes_total", 3],
    ] as const) {
      expect(samples(text, name)).toEqual([
        expect.stringMatching(new RegExp(`reporter="source".*response_flags="-".* ${value}$`)),
      ]);
    }
    expect(telemetry.tcp("origin").value("downstream_cx_total")).toBe(1);
    expect(telemetry.tcp("origin").value("downstream_cx_rx_bytes_total")).toBe(8);
    expect(telemetry.tcp("origin").value("downstream_cx_tx_bytes_total")).toBe(3);
  });

  it("tell why a connection came to nothing", async () => {
    const setup = await startSetup(
      [toldListener("inbound", "origin")],
      [staticCluster("origin", [1])],
    );
    running.push(setup);
    await (await setup.client()).sees("end");
    const text = [...renderPrometheus(setup.proxy.telemetry.registry)].join("");
    expect(samples(text, "istio_tcp_connections_opened_total")).toEqual([
      expect.stringMatching(/reporter="destination".*_protocol="tcp",response_flags="UF,URX"/),
    ]);
  });
});

describe("a TCP proxy", () => {
  it("passes bytes both ways, server first, and each end on its own", async () => {
    const origin = await originServer();
    const setup = await startSetup(
      [tcpListener("in", "origin")],
      [staticCluster("origin", [origin.port])],
    );
    running.push(setup);
    const client = await setup.client();
    const upstream = await origin.accepts();
    upstream.sends("hello first");
    await client.receives("hello first");
    client.sends("question");
    client.ends();
    await upstream.receives("question");
    await upstream.sees("end");
    upstream.sends("answer after the end");
    upstream.ends();
    await client.receives("answer after the end");
    await client.sees("end");
    expect(setup.stat("origin", "upstream_cx_total")).toBe(1);
  });

  it("closes a connection whose host cannot be reached", async () => {
    const setup = await startSetup([tcpListener("in", "origin")], [staticCluster("origin", [1])]);
    running.push(setup);
    const client = await setup.client();
    await client.sees("end");
    expect(setup.stat("origin", "upstream_cx_connect_fail")).toBe(1);
    expect(setup.stat("origin", "upstream_cx_active")).toBe(0);
  });
});

it("sniffs: HTTP goes to one chain, anything else to the other", async () => {
  const web = await originServer();
  const raw = await originServer();
  const listener = httpListener({
    routes: [{ match: { prefix: "/" }, route: { cluster: "web" } }],
  }) as { filter_chains: object[] };
  const setup = await startSetup(
    [
      {
        ...listener,
        listener_filters: [{ name: "inspector", typed_config: { "@type": INSPECTOR } }],
        filter_chains: [
          {
            ...listener.filter_chains[0],
            filter_chain_match: { application_protocols: ["http/1.1", "http/1.0"] },
          },
          { filters: [tcpFilter("raw")] },
        ],
      },
    ],
    [staticCluster("web", [web.port]), staticCluster("raw", [raw.port])],
  );
  running.push(setup);
  const client = await setup.client();
  client.sends("GET / HT");
  client.sends("TP/1.1\r\nHost: a\r\n\r\n");
  await (await web.accepts()).receives("\r\n\r\n");
  const other = await setup.client();
  other.sends("*1\r\n$4\r\nPING\r\n");
  await (await raw.accepts()).receives("PING\r\n");
});

describe("CONNECT to an explicit proxy", () => {
  const explicit = (): unknown => ({
    ...(httpListener({
      routes: [{ match: { prefix: "/" }, route: { cluster: "web" } }],
    }) as object),
    metadata: { filter_metadata: { outrigger: { explicitProxy: true } } },
  });

  function behind(name: string, address: string, port: number, filterChains: unknown): unknown {
    return {
      name,
      address: { socket_address: { address, port_value: port } },
      bind_to_port: false,
      filter_chains: filterChains,
    };
  }

  it("is interception: the tunnel's requests meet the listener of the port", async () => {
    const web = await originServer();
    const inner = httpListener({
      name: "inner",
      routes: [{ match: { prefix: "/" }, route: { cluster: "web" } }],
    }) as { filter_chains: unknown };
    const setup = await startSetup(
      [explicit(), behind("0.0.0.0_9080", "0.0.0.0", 9080, inner.filter_chains)],
      [staticCluster("web", [web.port])],
    );
    running.push(setup);
    const client = await setup.client();
    client.sends("CONNECT reviews:9080 HTTP/1.1\r\nHost: reviews:9080\r\n\r\n");
    expect(await client.receives("\r\n\r\n")).toBe("HTTP/1.1 200 OK\r\n\r\n");
    client.sends("GET /inside HTTP/1.1\r\nHost: reviews:9080\r\n\r\n");
    const upstream = await web.accepts();
    expect(await upstream.receives("\r\n\r\n")).toContain("GET /inside HTTP/1.1");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("reaches TCP services by their address", async () => {
    const raw = await originServer();
    const setup = await startSetup(
      [explicit(), behind("10.9.9.9_6379", "10.9.9.9", 6379, [{ filters: [tcpFilter("raw")] }])],
      [staticCluster("web", [1]), staticCluster("raw", [raw.port])],
    );
    running.push(setup);
    const client = await setup.client();
    client.sends("CONNECT 10.9.9.9:6379 HTTP/1.1\r\nHost: 10.9.9.9:6379\r\n\r\nPING");
    await client.receives("\r\n\r\n");
    await (await raw.accepts()).receives("PING");
  });

  it("to nowhere ends the connection", async () => {
    const setup = await startSetup([explicit()], [staticCluster("web", [1])]);
    running.push(setup);
    const client = await setup.client();
    client.sends("CONNECT 127.0.0.1:15000 HTTP/1.1\r\nHost: 127.0.0.1:15000\r\n\r\n");
    await client.receives("\r\n\r\n");
    await client.sees("end");
  });
});

describe.each(["127.0.0.1", "localhost"])(
  "an explicit proxy asked for %s, unknown to it",
  (host) => {
    it("lets the request through to where its authority says", async () => {
      const web = await originServer();
      const listener = httpListener({
        routes: [{ match: { prefix: "/" }, route: { cluster: "passthrough" } }],
      }) as object;
      const setup = await startSetup(
        [{ ...listener, metadata: { filter_metadata: { outrigger: { explicitProxy: true } } } }],
        [{ name: "passthrough", type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED" }],
      );
      running.push(setup);
      const client = await setup.client();
      client.sends(`GET http://${host}:${web.port}/a HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect(await (await web.accepts()).receives("\r\n\r\n")).toContain("GET /a HTTP/1.1");
    });
  },
);

it("elsewhere CONNECT is refused", async () => {
  const setup = await startSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route: { cluster: "web" } }] })],
    [staticCluster("web", [1])],
  );
  running.push(setup);
  const client = await setup.client();
  client.sends("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
  const { head } = await client.receivesResponse();
  expect(head).toContain("404 Not Found");
  expect(head).toContain("connection: close\r\n");
});
