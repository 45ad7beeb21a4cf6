import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../test/support/resource-json.ts";
import { HTTP_OPTIONS } from "./upstream-http.ts";

const SOCKETS = "type.googleapis.com/envoy.extensions.transport_sockets";
const TLS = {
  name: "tls",
  typed_config: { "@type": `${SOCKETS}.tls.v3.UpstreamTlsContext`, sni: "a.example" },
};
const RAW = { name: "raw", typed_config: { "@type": `${SOCKETS}.raw_buffer.v3.RawBuffer` } };
const PROXIED = {
  name: "proxied",
  typed_config: {
    "@type": `${SOCKETS}.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
    transport_socket: RAW,
  },
};
const AT = "transport_socket_matches[0]";

function decode(matches: JsonObject[], more: JsonObject = {}) {
  return decodeJson("cluster", { name: "c", transport_socket_matches: matches, ...more });
}

it("transport sockets by label are decoded in their order", () => {
  const { model, problems } = decode([
    { name: "tlsMode-istio", match: { tlsMode: "istio" }, transport_socket: TLS },
    { name: "tlsMode-disabled", match: {}, transport_socket: RAW },
  ]);
  expect(problems).toEqual([]);
  expect(model?.transportSocketMatches).toMatchObject([
    { name: "tlsMode-istio", match: { tlsMode: "istio" }, tls: { sni: "a.example" } },
    { name: "tlsMode-disabled", match: {}, tls: undefined },
  ]);
});

it("the labels of endpoints and localities are decoded, what is no text left out", () => {
  const metadata = {
    filter_metadata: { "envoy.transport_socket_match": { tlsMode: "istio", weight: 1 } },
  };
  const endpoint = { address: { socket_address: { address: "10.0.0.1", port_value: 1 } } };
  const { model, problems } = decodeJson("endpoint", {
    cluster_name: "c",
    endpoints: [{ metadata, lb_endpoints: [{ endpoint, metadata }, { endpoint }] }],
  });
  const labels = { transportSocketMatch: { tlsMode: "istio" } };
  expect(problems).toEqual([]);
  expect(model?.localities).toMatchObject([{ ...labels, endpoints: [labels, {}] }]);
  expect(model?.localities[0]?.endpoints[1]).not.toHaveProperty("transportSocketMatch");
});

describe("of transport sockets by label", () => {
  it.each([
    { name: "one without a name", match: { transport_socket: RAW }, expected: `${AT}.name` },
    {
      name: "one without a socket",
      match: { name: "m" },
      expected: `${AT}.transport_socket: is missing`,
    },
    {
      name: "a value that is no text",
      match: { name: "m", match: { a: 1 }, transport_socket: RAW },
      expected: `${AT}.match.a: is no text`,
    },
    {
      name: "a PROXY protocol header for some endpoints",
      match: { name: "m", transport_socket: PROXIED },
      expected: `${AT}.transport_socket.typed_config: is not for this side`,
    },
  ])("$name is refused", ({ match, expected }) => {
    const { problems } = decode([match]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it("none may be plain where ALPN decides the protocol, as in Envoy", () => {
    const options = { "@type": `type.googleapis.com/${HTTP_OPTIONS}`, auto_config: {} };
    const more = {
      transport_socket: TLS,
      typed_extension_protocol_options: { [HTTP_OPTIONS]: options },
    };
    expect(decode([{ name: "m", transport_socket: TLS }], more).problems).toEqual([]);
    expect(decode([{ name: "m", transport_socket: RAW }], more).problems.join()).toContain(
      "needs a transport socket that negotiates",
    );
  });
});
