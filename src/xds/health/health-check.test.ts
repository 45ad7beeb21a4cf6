import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../test/support/resource-json.ts";

const CHECK = { timeout: "1s", interval: "5s", unhealthy_threshold: 2, healthy_threshold: 1 };

const DEFAULTS = {
  timeoutMs: 1000,
  intervalMs: 5000,
  initialJitterMs: 0,
  intervalJitterMs: 0,
  intervalJitterPercent: 0,
  noTrafficIntervalMs: 60_000,
  noTrafficHealthyIntervalMs: undefined,
  unhealthyIntervalMs: undefined,
  unhealthyEdgeIntervalMs: undefined,
  healthyEdgeIntervalMs: undefined,
  unhealthyThreshold: 2,
  healthyThreshold: 1,
  reuseConnection: true,
};

function decode(check: JsonObject, fields: JsonObject = {}) {
  return decodeJson("cluster", { name: "c", health_checks: [{ ...CHECK, ...check }], ...fields });
}

const HTTP2 = { http2_protocol_options: {} };

describe("health checks have Envoy's defaults", () => {
  it.each([
    {
      check: { grpc_health_check: { service_name: "s" } },
      model: { ...DEFAULTS, kind: "grpc", serviceName: "s", authority: "" },
    },
    {
      check: { http_health_check: { path: "/healthz" } },
      model: {
        ...DEFAULTS,
        kind: "http",
        codec: "http1",
        host: "",
        path: "/healthz",
        method: "GET",
        requestHeaders: { set: [], remove: [] },
        expectedStatuses: [],
        retriableStatuses: [],
        receive: [],
        responseBufferBytes: 1024,
        serviceName: undefined,
      },
    },
    {
      check: { tcp_health_check: {} },
      model: { ...DEFAULTS, kind: "tcp", send: "", receive: [] },
    },
  ])("as $model.kind", ({ check, model }) => {
    const decoded = decode(check, HTTP2);
    expect(decoded.problems).toEqual([]);
    expect(decoded.model?.healthChecks).toEqual([model]);
  });
});

describe("a health check is refused", () => {
  it.each([
    {
      name: "as gRPC where the cluster speaks HTTP/1.1",
      check: { grpc_health_check: {} },
      problem: 'grpc_health_check: needs a cluster that speaks HTTP/2 (found "http1")',
    },
    {
      name: "with bytes that are no hex",
      check: { tcp_health_check: { send: { text: "5" } } },
      problem: 'tcp_health_check.send.text: is no hex (found "5"; allowed pairs of 0-9 and a-f)',
    },
    {
      name: "with statuses that are none",
      check: { http_health_check: { path: "/", expected_statuses: [{ start: 300, end: 200 }] } },
      problem:
        'http_health_check.expected_statuses[0]: is no range of statuses (found "300 to 200"; ' +
        "allowed start below end, in 100 to 600)",
    },
    {
      name: "with a body",
      check: { http_health_check: { path: "/", send: { text: "00" } } },
      problem: "http_health_check.send: is not executed by Outrigger: checks have no body",
    },
    {
      name: "over HTTP/3",
      check: { http_health_check: { path: "/", codec_client_type: "HTTP3" } },
      problem:
        "http_health_check.codec_client_type: has a value that is not executed by Outrigger " +
        '(found "HTTP3"; allowed HTTP1, HTTP2)',
    },
    {
      name: "with a header that asks for a client's",
      check: {
        http_health_check: {
          path: "/",
          request_headers_to_add: [{ header: { key: "x-a", value: "%PROTOCOL%" } }],
        },
      },
      problem:
        "http_health_check.request_headers_to_add[0].header.value: has a format operator, and a " +
        'check has no client to speak of (found "%PROTOCOL%"; allowed plain text)',
    },
    {
      name: "on a port that is not each endpoint's own to say",
      check: { tcp_health_check: {}, alt_port: 7000 },
      problem: "alt_port: is not executed by Outrigger",
    },
    {
      name: "as a protocol of an extension",
      check: { custom_health_check: { name: "redis" } },
      problem: "custom_health_check: is not executed by Outrigger",
    },
  ])("$name", ({ check, problem }) => {
    const { problems } = decode(check as JsonObject);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`health_checks[0].${problem}`);
  });
});
