import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../test/support/resource-json.ts";

function decode(route: JsonObject) {
  const routes = [{ match: { connect_matcher: {} }, route: { cluster: "c", ...route } }];
  const virtual_hosts = [{ name: "v", domains: ["*"], routes }];
  const { model, problems } = decodeJson("route", { name: "r", virtual_hosts });
  return { action: model?.virtualHosts[0]?.routes[0]?.action, problems };
}

describe("how long a stream may last", () => {
  it.each([
    {
      name: "as a bound of the stream",
      route: { max_stream_duration: { grpc_timeout_header_max: "0s" } },
      action: { grpcTimeoutHeaderMaxMs: 0, grpcTimeoutMaxMs: undefined },
    },
    {
      name: "as the timeout of gRPC calls",
      route: { max_grpc_timeout: "2s" },
      action: { grpcTimeoutHeaderMaxMs: undefined, grpcTimeoutMaxMs: 2000 },
    },
    {
      name: "not at all where nothing is said",
      route: {},
      action: { grpcTimeoutHeaderMaxMs: undefined, grpcTimeoutMaxMs: undefined },
    },
  ])("heeds grpc-timeout $name", ({ route, action }) => {
    expect(decode(route).action).toMatchObject(action);
  });

  it("may not be said in both words", () => {
    const max_stream_duration = { grpc_timeout_header_max: "1s" };
    expect(decode({ max_grpc_timeout: "2s", max_stream_duration }).problems).toEqual([
      "virtual_hosts[0].routes[0].route.max_grpc_timeout: is not looked at " +
        '(found "2000ms"; allowed max_stream_duration)',
    ]);
  });
});

const UPGRADE = "virtual_hosts[0].routes[0].route.upgrade_configs[0]";

describe("a route's upgrades", () => {
  it("end CONNECT here", () => {
    const upgrade_configs = [{ upgrade_type: "CONNECT", connect_config: {} }];
    const { action, problems } = decode({ upgrade_configs });
    expect(problems).toEqual([]);
    expect(action).toMatchObject({ terminatesConnect: true });
  });

  it.each([
    {
      name: "other upgrades",
      upgrade: { upgrade_type: "websocket" },
      problem: `${UPGRADE}.upgrade_type: is for the listener's upgrade_configs`,
    },
    {
      name: "CONNECT that goes on",
      upgrade: { upgrade_type: "connect" },
      problem: `${UPGRADE}.connect_config: is missing`,
    },
    {
      name: "POST in CONNECT's place",
      upgrade: { upgrade_type: "CONNECT", connect_config: { allow_post: true } },
      problem: `${UPGRADE}.connect_config.allow_post: has a value that is not executed`,
    },
  ])("refuse $name", ({ upgrade, problem }) => {
    const { problems } = decode({ upgrade_configs: [upgrade] });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});

describe("retry_on", () => {
  it("takes gRPC's words as it takes HTTP's", () => {
    const retry_on = "cancelled,deadline-exceeded,internal,resource-exhausted,unavailable,reset";
    expect(decode({ retry_policy: { retry_on } }).problems).toEqual([]);
  });

  it("refuses a word that nobody knows", () => {
    expect(decode({ retry_policy: { retry_on: "unavailabel" } }).problems[0]).toContain(
      "has a condition that is not executed",
    );
  });
});
