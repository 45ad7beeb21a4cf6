import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../test/support/resource-json.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters";
const PROXY_PROTOCOL = `${FILTERS}.listener.proxy_protocol.v3.ProxyProtocol`;
const TLS_INSPECTOR = `${FILTERS}.listener.tls_inspector.v3.TlsInspector`;

function chain(filter_chain_match: JsonObject, tcp: JsonObject = {}): JsonObject {
  const typed_config = {
    "@type": `${FILTERS}.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: "t",
    cluster: "c",
    ...tcp,
  };
  return { filter_chain_match, filters: [{ name: "tcp", typed_config }] };
}

function listener(filter_chains: JsonObject[], listener_filters: JsonObject[] = []) {
  const address = { pipe: { path: "/run/l" } };
  return decodeJson("listener", { name: "l", address, listener_filters, filter_chains });
}

function matching(...matches: JsonObject[]) {
  return listener(matches.map((match) => chain(match)));
}

function placeOf(problem: string): string {
  return problem.split(": ")[0] ?? "";
}

function range(address_prefix: string, prefix_len: number): JsonObject {
  return { address_prefix, prefix_len };
}

describe("chains that one connection could match alike", () => {
  it.each<{ readonly name: string; readonly matches: readonly [JsonObject, JsonObject] }>([
    { name: "both ask nothing", matches: [{}, {}] },
    { name: "a port", matches: [{ destination_port: 1 }, { destination_port: 1 }] },
    {
      name: "one of several names",
      matches: [{ server_names: ["a.example", "b.example"] }, { server_names: ["B.example"] }],
    },
    {
      name: "one range, written in two ways",
      matches: [
        { prefix_ranges: [range("10.1.2.3", 8)] },
        { prefix_ranges: [range("10.0.0.0", 8), range("11.0.0.0", 8)] },
      ],
    },
    {
      name: "everything about the source",
      matches: [
        {
          source_type: "EXTERNAL",
          source_ports: [1, 2],
          source_prefix_ranges: [range("::1", 128)],
          direct_source_prefix_ranges: [range("10.0.0.0", 8)],
        },
        {
          source_type: "EXTERNAL",
          source_ports: [2],
          source_prefix_ranges: [range("::1", 128)],
          direct_source_prefix_ranges: [range("10.0.0.0", 8)],
        },
      ],
    },
  ])("are refused: $name", ({ matches }) => {
    expect(matching(...matches).problems).toEqual([
      "filter_chains[1].filter_chain_match: matches what another chain matches " +
        '(found "filter_chains[0]")',
    ]);
  });

  it.each<readonly [JsonObject, JsonObject]>([
    [{}, { destination_port: 1 }],
    [{ server_names: ["a"] }, { server_names: ["*.a"] }],
    [{ transport_protocol: "tls" }, { transport_protocol: "raw_buffer" }],
    [{ application_protocols: ["h2"] }, {}],
    [{ prefix_ranges: [range("10.0.0.0", 8)] }, { prefix_ranges: [range("10.0.0.0", 16)] }],
    [{ source_type: "EXTERNAL" }, { source_type: "SAME_IP_OR_LOOPBACK" }],
    [{ source_ports: [1] }, { source_ports: [2] }],
    [
      { server_names: ["a", "b"], source_ports: [1] },
      { server_names: ["a"], source_ports: [2] },
    ],
  ])("are not %j and %j", (...matches) => {
    expect(matching(...matches).problems).toEqual([]);
  });
});

describe("a filter chain's match", () => {
  it("takes ranges as Envoy does: without a length all, and never more than an address", () => {
    const { model } = matching({
      prefix_ranges: [{ address_prefix: "10.0.0.1" }, range("10.0.0.1", 99), range("::1", 99)],
    });
    const ranges = model?.filterChains[0]?.match.prefixRanges;
    expect(ranges?.map(({ prefixLength }) => prefixLength)).toEqual([0, 32, 99]);
  });

  it("names every address and port that is none", () => {
    const { problems } = matching({
      source_prefix_ranges: [range("10.0.0.256", 8)],
      direct_source_prefix_ranges: [range("::1", 8), range("fe80::1%eth0", 8)],
      source_ports: [80, 70_000],
    });
    expect(problems.map(placeOf)).toEqual([
      "filter_chains[0].filter_chain_match.source_ports[1]",
      "filter_chains[0].filter_chain_match.direct_source_prefix_ranges[1].address_prefix",
      "filter_chains[0].filter_chain_match.source_prefix_ranges[0].address_prefix",
    ]);
  });
});

describe("the PROXY protocol filter", () => {
  const proxied = (more: JsonObject = {}): JsonObject => ({
    name: "p",
    typed_config: { "@type": PROXY_PROTOCOL, ...more },
  });
  const inspector = { name: "t", typed_config: { "@type": TLS_INSPECTOR } };

  it("may be named without settings", () => {
    const { model } = listener([chain({})], [{ name: "envoy.filters.listener.proxy_protocol" }]);
    expect(model?.listenerFilters).toEqual([
      { kind: "proxyProtocol", allowWithout: false, disallowedVersions: [], statPrefix: "" },
    ]);
  });

  it("has settings", () => {
    const settings = {
      allow_requests_without_proxy_protocol: true,
      disallowed_versions: ["V1"],
      stat_prefix: "edge",
    };
    const { model } = listener([chain({})], [proxied(settings), inspector]);
    expect(model?.listenerFilters).toEqual([
      {
        kind: "proxyProtocol",
        allowWithout: true,
        disallowedVersions: ["v1"],
        statPrefix: "edge",
      },
      "tlsInspector",
    ]);
  });

  it("comes before what looks into connections, and once", () => {
    const { problems } = listener([chain({})], [inspector, proxied()]);
    expect(problems).toEqual([expect.stringMatching(/^listener_filters\[1\]: stands behind/)]);
    expect(listener([chain({})], [proxied(), proxied()]).problems).toEqual([
      expect.stringMatching(/^listener_filters\[1\]: stands there twice/),
    ]);
  });

  it("has to be for some version", () => {
    const { problems } = listener([chain({})], [proxied({ disallowed_versions: ["V1", "V2"] })]);
    expect(problems.map(placeOf)).toEqual(["listener_filters[0].typed_config.disallowed_versions"]);
  });

  it("keeps nothing of what a header adds, and says so", () => {
    const rule = { tlv_type: 2, on_tlv_present: { key: "host" } };
    const { problems } = listener([chain({})], [proxied({ rules: [rule] })]);
    expect(problems.map(placeOf)).toEqual(["listener_filters[0].typed_config.rules"]);
  });
});

describe("a TCP proxy", () => {
  it("has Envoy's defaults", () => {
    expect(listener([chain({})]).model?.filterChains[0]?.filter).toMatchObject({
      idleTimeoutMs: 3_600_000,
      maxConnectionDurationMs: 0,
      maxConnectAttempts: 1,
      accessLogs: [],
    });
  });

  it("may last, try and log as it is told", () => {
    const file = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
    const { model, problems } = listener([
      chain(
        {},
        {
          idle_timeout: "0s",
          max_downstream_connection_duration: "90s",
          max_connect_attempts: 3,
          access_log: [{ name: "f", typed_config: { "@type": file, path: "/dev/stdout" } }],
        },
      ),
    ]);
    expect(problems).toEqual([]);
    expect(model?.filterChains[0]?.filter).toMatchObject({
      idleTimeoutMs: 0,
      maxConnectionDurationMs: 90_000,
      maxConnectAttempts: 3,
      accessLogs: [{ path: "/dev/stdout" }],
    });
  });

  it.each([
    ["max_connect_attempts", { max_connect_attempts: 0 }],
    ["max_downstream_connection_duration", { max_downstream_connection_duration: "0s" }],
    ["tunneling_config", { tunneling_config: { hostname: "a" } }],
  ])("is refused for its %s", (field, tcp) => {
    const [problem = ""] = listener([chain({}, tcp)]).problems;
    expect(placeOf(problem)).toBe(`filter_chains[0].filters[0].typed_config.${field}`);
  });
});

describe("a cluster's PROXY protocol", () => {
  const SOCKETS = "type.googleapis.com/envoy.extensions.transport_sockets";

  function cluster(config: JsonObject, transport_socket?: JsonObject) {
    const typed_config = {
      "@type": `${SOCKETS}.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
      config,
      ...(transport_socket === undefined ? {} : { transport_socket }),
    };
    return decodeJson("cluster", { name: "c", transport_socket: { name: "p", typed_config } });
  }

  const tls = {
    name: "tls",
    typed_config: { "@type": `${SOCKETS}.tls.v3.UpstreamTlsContext`, sni: "a.example" },
  };
  const raw = { name: "raw", typed_config: { "@type": `${SOCKETS}.raw_buffer.v3.RawBuffer` } };

  it("stands around plain bytes or TLS", () => {
    expect(cluster({}, raw).model).toMatchObject({ proxyProtocol: "v1", tls: undefined });
    expect(cluster({ version: "V2" }, tls).model).toMatchObject({
      proxyProtocol: "v2",
      tls: { sni: "a.example" },
    });
  });

  it("adds nothing to the addresses, and says so", () => {
    const { problems } = cluster({ pass_through_tlvs: {} }, raw);
    expect(problems.map(placeOf)).toEqual([
      "transport_socket.typed_config.config.pass_through_tlvs",
    ]);
  });

  it("has to stand around something", () => {
    expect(cluster({}).problems).toEqual([
      "transport_socket.typed_config.transport_socket: is missing",
    ]);
  });
});
