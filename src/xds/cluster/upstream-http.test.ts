import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../test/support/resource-json.ts";
import { HTTP_OPTIONS } from "./upstream-http.ts";

const TLS = {
  name: "tls",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
  },
};

const PLAIN = {
  name: "plain",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
  },
};

function decode(fields: JsonObject, options?: JsonObject) {
  const any = { "@type": `type.googleapis.com/${HTTP_OPTIONS}`, ...options };
  const extensions = { typed_extension_protocol_options: { [HTTP_OPTIONS]: any } };
  return decodeJson("cluster", {
    name: "c",
    ...fields,
    ...(options === undefined ? {} : extensions),
  });
}

describe.each([
  { name: "nothing at all", fields: {}, options: undefined, protocol: "http1" },
  {
    name: "the deprecated http2_protocol_options",
    fields: { http2_protocol_options: {} },
    options: undefined,
    protocol: "http2",
  },
  {
    name: "the deprecated protocol_selection",
    fields: { http2_protocol_options: {}, protocol_selection: "USE_DOWNSTREAM_PROTOCOL" },
    options: undefined,
    protocol: "downstream",
  },
  {
    name: "the extension, whatever the deprecated fields say",
    fields: { http2_protocol_options: {} },
    options: { explicit_http_config: { http_protocol_options: {} } },
    protocol: "http1",
  },
  {
    name: "explicit HTTP/2",
    fields: {},
    options: { explicit_http_config: { http2_protocol_options: {} } },
    protocol: "http2",
  },
  {
    name: "the client's protocol",
    fields: {},
    options: { use_downstream_protocol_config: {} },
    protocol: "downstream",
  },
  {
    name: "ALPN's answer",
    fields: { transport_socket: TLS },
    options: { auto_config: {} },
    protocol: "alpn",
  },
])("a cluster with $name", ({ fields, options, protocol }) => {
  it(`speaks ${protocol}`, () => {
    const { model, problems } = decode(fields, options);
    expect(problems).toEqual([]);
    expect(model?.protocol).toBe(protocol);
  });
});

describe("what is refused of upstream protocols", () => {
  it.each([
    { name: "without a transport socket", fields: {} },
    { name: "with one that is plain", fields: { transport_socket: PLAIN } },
  ])("is ALPN $name, as in Envoy", ({ fields }) => {
    expect(decode(fields, { auto_config: {} }).problems).toEqual([
      `typed_extension_protocol_options.${HTTP_OPTIONS}.auto_config: needs a transport socket ` +
        "that negotiates (allowed TLS)",
    ]);
  });

  it("is HTTP/3", () => {
    const { problems } = decode({}, { explicit_http_config: { http3_protocol_options: {} } });
    expect(problems[0]).toContain("explicit_http_config.http3_protocol_options: is not executed");
  });
});
