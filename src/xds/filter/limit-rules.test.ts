import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { RouteConfigurationSchema } from "../../gen/envoy/config/route/v3/route_pb.js";
import type { LimitRule } from "../../model/filter/limit-rule.ts";
import { checkMessage } from "../check/check.ts";
import { Place, type Problem } from "../check/place.ts";
import { decodeRoutes } from "../route-resource.ts";

function decode(...actions: JsonObject[]): {
  readonly rules: readonly LimitRule[] | undefined;
  readonly problems: readonly Problem[];
} {
  const message = fromJson(RouteConfigurationSchema, {
    name: "a",
    virtualHosts: [{ name: "b", domains: ["*"], rateLimits: [{ actions }] }],
  });
  const problems: Problem[] = [];
  const place = new Place(problems);
  checkMessage(RouteConfigurationSchema, message, place);
  const rules = decodeRoutes(message, place).virtualHosts[0]?.filterConfigs.limitRules;
  return { rules, problems };
}

const AT = "virtual_hosts[0].rate_limits[0].actions";

it("actions have Envoy's keys where they name none", () => {
  const { rules, problems } = decode(
    { genericKey: { descriptorValue: "a" } },
    { headerValueMatch: { descriptorValue: "b", headers: [{ name: "X-A" }] } },
    { queryParameterValueMatch: { descriptorValue: "c", queryParameters: [{ name: "q" }] } },
  );
  expect(problems).toEqual([]);
  expect(rules).toMatchObject([
    {
      actions: [
        { key: "generic_key", value: "a" },
        { key: "header_match", expectMatch: true, headers: [{ name: "x-a" }] },
        { key: "query_match", expectMatch: true },
      ],
    },
  ]);
});

it("actions that are not executed are refused at their place", () => {
  const { problems } = decode(
    { destinationCluster: {} },
    { genericKey: { descriptorValue: "%REQ(x-user)%" } },
    { sourceCluster: {} },
    { maskedRemoteAddress: {} },
  );
  expect(problems.map(({ path }) => path).sort()).toEqual([
    `${AT}[0].destination_cluster`,
    `${AT}[1].generic_key.descriptor_value`,
    `${AT}[2].source_cluster`,
    `${AT}[3].masked_remote_address`,
  ]);
});
