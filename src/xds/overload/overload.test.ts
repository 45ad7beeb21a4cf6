import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { OverloadManagerSchema } from "../../gen/envoy/config/overload/v3/overload_pb.js";
import type { OverloadConfig } from "../../model/overload/overload.ts";
import { formatProblem, Place, type Problem } from "../check/place.ts";
import { REGISTRY } from "../message/any.ts";
import { decodeOverload } from "./overload.ts";

const TYPE = "type.googleapis.com/envoy.extensions.resource_monitors";
const SCALE = "type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig";
const HEAP = "envoy.resource_monitors.fixed_heap";
const CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections";

const heap = {
  name: HEAP,
  typed_config: { "@type": `${TYPE}.fixed_heap.v3.FixedHeapConfig`, max_heap_size_bytes: "1024" },
};
const connections = {
  name: CONNECTIONS,
  typed_config: {
    "@type": `${TYPE}.downstream_connections.v3.DownstreamConnectionsConfig`,
    max_active_downstream_connections: "7",
  },
};

function action(name: string, more: Record<string, JsonValue> = {}): JsonValue {
  const triggers = [{ name: HEAP, threshold: { value: 0.9 } }];
  return { name: `envoy.overload_actions.${name}`, triggers, ...more };
}

function read(json: JsonValue): { config: OverloadConfig; problems: readonly string[] } {
  const problems: Problem[] = [];
  const message = fromJson(OverloadManagerSchema, json, { registry: REGISTRY });
  const config = decodeOverload(message, new Place(problems));
  return { config, problems: problems.map(formatProblem) };
}

describe("an overload manager", () => {
  it("has Envoy's default interval, and nothing else where nothing is said", () => {
    const problems: Problem[] = [];
    const config = decodeOverload(create(OverloadManagerSchema), new Place(problems));
    expect(config).toEqual({
      refreshIntervalMs: 1000,
      monitors: [],
      maxDownstreamConnections: undefined,
      actions: [],
    });
    expect(problems).toEqual([]);
  });

  it("is read with monitors, the number of connections, and both kinds of triggers", () => {
    const scaled = { name: HEAP, scaled: { scaling_threshold: 0.8, saturation_threshold: 0.95 } };
    const typed_config = {
      "@type": SCALE,
      timer_scale_factors: [{ timer: "HTTP_DOWNSTREAM_CONNECTION_IDLE", min_timeout: "2s" }],
    };
    const { config, problems } = read({
      refresh_interval: "0.25s",
      resource_monitors: [heap, connections],
      actions: [
        action("stop_accepting_requests"),
        action("reduce_timeouts", { triggers: [scaled], typed_config }),
      ],
    });
    expect(problems).toEqual([]);
    expect(config).toEqual({
      refreshIntervalMs: 250,
      monitors: [{ kind: "fixedHeap", name: HEAP, maxBytes: 1024 }],
      maxDownstreamConnections: 7,
      actions: [
        {
          name: "stop_accepting_requests",
          triggers: [{ resource: HEAP, from: 0.9, to: 0.9 }],
          idleFloor: undefined,
        },
        {
          name: "reduce_timeouts",
          triggers: [{ resource: HEAP, from: 0.8, to: 0.95 }],
          idleFloor: { minMs: 2000 },
        },
      ],
    });
  });
});

const stop = (triggers: JsonValue): JsonValue => ({
  resource_monitors: [heap],
  actions: [action("stop_accepting_requests", { triggers })],
});

describe("is refused:", () => {
  it.each<{ name: string; json: JsonValue; says: string }>([
    {
      name: "an action that is not executed",
      json: { resource_monitors: [heap], actions: [action("reset_high_memory_stream")] },
      says: "actions[0].name: is no action that is executed",
    },
    {
      name: "an action that stands twice",
      json: {
        resource_monitors: [heap],
        actions: [action("stop_accepting_requests"), action("stop_accepting_requests")],
      },
      says: "actions[1].name: stands twice",
    },
    {
      name: "a monitor that stands twice",
      json: { resource_monitors: [heap, heap] },
      says: "resource_monitors[1].name: stands twice",
    },
    {
      name: "a trigger on nothing",
      json: stop([{ name: "nothing", threshold: { value: 0.9 } }]),
      says: "actions[0].triggers[0].name: is no resource that is monitored",
    },
    {
      name: "two triggers on one resource",
      json: stop([
        { name: HEAP, threshold: { value: 0.9 } },
        { name: HEAP, threshold: { value: 0.8 } },
      ]),
      says: "actions[0].triggers[1].name: stands twice",
    },
    {
      name: "a scale upside down",
      json: stop([{ name: HEAP, scaled: { scaling_threshold: 0.9, saturation_threshold: 0.9 } }]),
      says: "actions[0].triggers[0].scaled.scaling_threshold: is not below saturation",
    },
    {
      name: "a timer that is not scaled",
      json: {
        resource_monitors: [heap],
        actions: [
          action("reduce_timeouts", {
            typed_config: {
              "@type": SCALE,
              timer_scale_factors: [{ timer: "HTTP_DOWNSTREAM_STREAM_IDLE", min_timeout: "2s" }],
            },
          }),
        ],
      },
      says: "actions[0].typed_config.timer_scale_factors[0].timer: is no timer that is scaled",
    },
    {
      name: "timers that nobody has named",
      json: { resource_monitors: [heap], actions: [action("reduce_timeouts")] },
      says: "actions[0].typed_config: is missing",
    },
    {
      name: "the number of connections under another name",
      json: { resource_monitors: [{ ...connections, name: "mine" }] },
      says: "resource_monitors[0].name: is not this monitor's",
    },
    {
      name: "an interval of nothing",
      json: { refresh_interval: "0s" },
      says: "refresh_interval: is too short",
    },
  ])("$name", ({ json, says }) => {
    const [first = ""] = read(json).problems;
    expect(first).toContain(says);
  });
});
