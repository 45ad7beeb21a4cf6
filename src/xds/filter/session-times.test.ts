import { fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { RouteConfigurationSchema } from "../../gen/envoy/config/route/v3/route_pb.js";
import { NO_FILTER_CONFIGS } from "../../model/filter/filter-configs.ts";
import type { RouteConfiguration } from "../../model/route.ts";
import { formatProblem } from "../check/place.ts";
import { CODECS, decodeResource } from "../resource.ts";

const PLACE = "virtual_hosts[0].routes[0].metadata.filter_metadata.outrigger.session";

function decoded(times: JsonObject) {
  const metadata = { filterMetadata: { "outrigger.session": times } };
  const route = { match: { prefix: "/" }, route: { cluster: "a" }, metadata };
  const json = { name: "80", virtualHosts: [{ name: "all", domains: ["*"], routes: [route] }] };
  const message = fromJson(RouteConfigurationSchema, json);
  return decodeResource("route", toBinary(RouteConfigurationSchema, message));
}

function withSession(times: JsonObject): RouteConfiguration {
  const state = { kind: "cookie", name: "s", ttlMs: 0, path: "/", ...times } as const;
  const session = { kind: "statefulSession", state, strict: false } as const;
  const { model } = decodeResource("route", plainBytes());
  if (model === undefined) throw new Error("no route configuration");
  const [host] = model.virtualHosts;
  if (host === undefined) throw new Error("no virtual host");
  const routes = host.routes.map((route) => ({
    ...route,
    filterConfigs: { ...NO_FILTER_CONFIGS, session },
  }));
  return { ...model, virtualHosts: [{ ...host, routes }] };
}

function plainBytes(): Uint8Array {
  const route = { match: { prefix: "/" }, route: { cluster: "a" } };
  const json = { name: "80", virtualHosts: [{ name: "all", domains: ["*"], routes: [route] }] };
  return toBinary(RouteConfigurationSchema, fromJson(RouteConfigurationSchema, json));
}

it.each([{ idleMs: 5000 }, { absoluteMs: 60_000 }, { idleMs: 1, absoluteMs: 2_147_483_647 }])(
  "times of a session %j travel to our own proxies",
  (times) => {
    const model = withSession(times);
    const back = decodeResource("route", CODECS.route.encode(model, "outrigger"));
    expect(back.problems).toEqual([]);
    expect(back.model).toEqual(model);
    expect(Buffer.from(CODECS.route.encode(model, "envoy")).includes("outrigger")).toBe(false);
  },
);

it("times are refused where there is no session in a cookie", () => {
  expect(decoded({ idleMs: 5000 }).problems.map(formatProblem)).toEqual([
    `${PLACE}: is for sessions in cookies (allowed such a session)`,
  ]);
});
