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

const CHECK = { timeout: "1s", interval: "5s", unhealthy_threshold: 2, healthy_threshold: 1 };
const HTTP2 = { explicit_http_config: { http2_protocol_options: {} } };

describe("health checks", () => {
  it("are gRPC's, with Envoy's defaults", () => {
    const check = { ...CHECK, grpc_health_check: { service_name: "s" } };
    const { model, problems } = decode({ health_checks: [check] }, HTTP2);
    expect(problems).toEqual([]);
    expect(model?.healthChecks).toEqual([
      {
        kind: "grpc",
        timeoutMs: 1000,
        intervalMs: 5000,
        initialJitterMs: 0,
        noTrafficIntervalMs: 60_000,
        unhealthyThreshold: 2,
        healthyThreshold: 1,
        serviceName: "s",
        authority: "",
      },
    ]);
  });

  it("need a cluster that speaks HTTP/2", () => {
    const check = { ...CHECK, grpc_health_check: {} };
    expect(decode({ health_checks: [check] }).problems).toEqual([
      "health_checks[0].grpc_health_check: needs a cluster that speaks HTTP/2 " + '(found "http1")',
    ]);
  });

  it("are refused by name where they are HTTP's or TCP's", () => {
    const checks = [{ ...CHECK, http_health_check: { path: "/" } }];
    expect(decode({ health_checks: checks }, HTTP2).problems).toEqual([
      "health_checks[0].http_health_check: is not executed by Outrigger: only gRPC's health " +
        "checks are executed so far",
    ]);
  });
});
