import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { BootstrapSchema } from "../../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { ClusterSchema } from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "../../gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../../gen/envoy/config/route/v3/route_pb.js";
import { REGISTRY } from "../message/any.ts";
import { check } from "./check.ts";
import { formatProblem, type Problem } from "./place.ts";
import { BOOTSTRAP_SUPPORT } from "./support-bootstrap.ts";
import { CLUSTER_SUPPORT } from "./support-cluster.ts";
import { LISTENER_SUPPORT } from "./support-listener.ts";
import { POLICY_SUPPORT } from "./support-policy.ts";
import { ROUTE_SUPPORT } from "./support-route.ts";
import { TRANSPORT_SUPPORT } from "./support-transport.ts";

/** Every message that can be reached from the roots, by its full name. */
function reachable(): Map<string, DescMessage> {
  const found = new Map<string, DescMessage>();
  const queue: DescMessage[] = [BootstrapSchema];
  for (const type of REGISTRY) if (type.kind === "message") queue.push(type);
  for (let schema = queue.pop(); schema !== undefined; schema = queue.pop()) {
    if (found.has(schema.typeName)) continue;
    found.set(schema.typeName, schema);
    for (const field of schema.fields) if (field.message !== undefined) queue.push(field.message);
  }
  return found;
}

const MESSAGES = reachable();

describe.each([
  { name: "listener", table: LISTENER_SUPPORT },
  { name: "policy", table: POLICY_SUPPORT },
  { name: "route", table: ROUTE_SUPPORT },
  { name: "cluster", table: CLUSTER_SUPPORT },
  { name: "bootstrap", table: BOOTSTRAP_SUPPORT },
  { name: "transport", table: TRANSPORT_SUPPORT },
])("the table of executed fields for a $name", ({ table }) => {
  it("names only messages and fields that there are", () => {
    const wrong = Object.entries(table).flatMap(([type, fields]) => {
      const known = MESSAGES.get(type)?.fields.map((field) => field.name);
      if (known === undefined) return [type];
      return Object.keys(fields).flatMap((name) =>
        known.includes(name) ? [] : [`${type}.${name}`],
      );
    });
    expect(wrong).toEqual([]);
  });
});

function problemsOf<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>) {
  const problems: Problem[] = [];
  check(schema, create(schema, init), problems);
  return problems.map(formatProblem);
}

describe("check", () => {
  it("refuses by name what no table lists", () => {
    expect(problemsOf(ClusterSchema, { name: "a", trackTimeoutBudgets: true })).toEqual([
      "track_timeout_budgets: is not executed by Outrigger (found true)",
    ]);
  });

  it("says every problem at once, each with its path", () => {
    const route = { match: { pathSpecifier: { case: "prefix", value: "/" } as const } };
    const host = { name: "", domains: [], routes: [route] };
    expect(problemsOf(RouteConfigurationSchema, { virtualHosts: [host] })).toEqual([
      'virtual_hosts[0].name: is empty (found ""; allowed at least 1 character)',
      "virtual_hosts[0].domains: too few elements (found 0; allowed at least 1)",
      "virtual_hosts[0].routes[0]: one of these fields is missing (allowed route, redirect, " +
        "direct_response, filter_action, non_forwarding_action)",
    ]);
  });

  it("accepts a value that changes nothing, and no other", () => {
    expect(problemsOf(ListenerSchema, { drainType: 0, statPrefix: "x" })).toEqual([]);
    expect(problemsOf(ListenerSchema, { drainType: 1 })).toEqual([
      'drain_type: has a value that is not executed by Outrigger (found "MODIFY_ONLY"; ' +
        "allowed DEFAULT)",
    ]);
  });

  it("looks into extensions, and refuses those that are unknown", () => {
    const filter = (typeUrl: string) => ({
      name: "f",
      configType: {
        case: "typedConfig" as const,
        value: { typeUrl, value: Uint8Array.from([0x08, 0x01]) },
      },
    });
    const filters = [filter("type.googleapis.com/no.such.Filter")];
    expect(problemsOf(ListenerSchema, { filterChains: [{ filters }] })).toEqual([
      "filter_chains[0].filters[0].typed_config: is an extension that is not executed " +
        '(found "type.googleapis.com/no.such.Filter")',
    ]);
  });
});
