import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type OverloadAction as OverloadActionMessage,
  type OverloadManager,
  type ResourceMonitor as ResourceMonitorMessage,
  ScaleTimersOverloadActionConfigSchema,
  ScaleTimersOverloadActionConfig_TimerType as TimerType,
  type Trigger,
} from "../../gen/envoy/config/overload/v3/overload_pb.js";
import { DownstreamConnectionsConfigSchema } from "../../gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js";
import { FixedHeapConfigSchema } from "../../gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.js";
import { InjectedResourceConfigSchema } from "../../gen/envoy/extensions/resource_monitors/injected_resource/v3/injected_resource_pb.js";
import {
  OVERLOAD_ACTIONS,
  type OverloadAction,
  type OverloadActionName,
  type OverloadConfig,
  type OverloadTrigger,
  type ResourceMonitor,
  type TimerFloor,
} from "../../model/overload/overload.ts";
import type { Place } from "../check/place.ts";
import { unpack } from "../message/any.ts";
import { durationMs, durationOr } from "../message/scalar.ts";

/** Envoy's default. */
const REFRESH_MS = 1000;
const PREFIX = "envoy.overload_actions.";
/** Envoy knows this one by its name: it is asked at each connection, and no trigger names it. */
const CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections";

/** Envoy: `overload_manager` of the bootstrap. */
export function decodeOverload(message: OverloadManager, place: Place): OverloadConfig {
  const monitors: ResourceMonitor[] = [];
  const names = new Set<string>();
  let maxDownstreamConnections: number | undefined;
  message.resourceMonitors.forEach((each, i) => {
    const at = place.field("resource_monitors").item(i);
    if (names.has(each.name)) at.field("name").refuse("stands twice", each.name);
    names.add(each.name);
    const max = decodeConnections(each, at);
    const monitor = max === undefined ? decodeMonitor(each, at) : undefined;
    if (monitor !== undefined) monitors.push(monitor);
    maxDownstreamConnections ??= max;
  });
  const known = new Set(monitors.map(({ name }) => name));
  const actions = message.actions.flatMap((each, i) => {
    return decodeAction(each, known, place.field("actions").item(i));
  });
  refuseTwice(actions, place.field("actions"));
  const refreshIntervalMs = durationOr(message.refreshInterval, REFRESH_MS);
  if (refreshIntervalMs < 1) {
    place.field("refresh_interval").refuse("is too short", `${refreshIntervalMs}ms`, "1ms or more");
  }
  return { refreshIntervalMs, monitors, maxDownstreamConnections, actions };
}

function configOf({ configType }: ResourceMonitorMessage): Any | undefined {
  return configType.case === "typedConfig" ? configType.value : undefined;
}

function decodeConnections(message: ResourceMonitorMessage, place: Place): number | undefined {
  const config = unpack(configOf(message), DownstreamConnectionsConfigSchema);
  if (config === undefined) return undefined;
  if (message.name !== CONNECTIONS) {
    place.field("name").refuse("is not this monitor's", message.name, CONNECTIONS);
  }
  return Number(config.maxActiveDownstreamConnections);
}

function decodeMonitor(message: ResourceMonitorMessage, place: Place): ResourceMonitor | undefined {
  const { name } = message;
  const any = configOf(message);
  const heap = unpack(any, FixedHeapConfigSchema);
  if (heap !== undefined) {
    return { kind: "fixedHeap", name, maxBytes: Number(heap.maxHeapSizeBytes) };
  }
  const injected = unpack(any, InjectedResourceConfigSchema);
  if (injected !== undefined) return { kind: "injected", name, path: injected.filename };
  // An extension that nobody knows has been refused where it stands.
  if (any === undefined) place.field("typed_config").refuse("is missing", name);
  return undefined;
}

function decodeAction(
  message: OverloadActionMessage,
  resources: ReadonlySet<string>,
  place: Place,
): OverloadAction[] {
  const name = OVERLOAD_ACTIONS.find((each) => `${PREFIX}${each}` === message.name);
  if (name === undefined) {
    const allowed = OVERLOAD_ACTIONS.map((each) => `${PREFIX}${each}`).join(", ");
    place.field("name").refuse("is no action that is executed", message.name, allowed);
    return [];
  }
  const seen = new Set<string>();
  const triggers = message.triggers.flatMap((trigger, i) => {
    const at = place.field("triggers").item(i);
    if (seen.has(trigger.name)) at.field("name").refuse("stands twice", trigger.name);
    seen.add(trigger.name);
    if (!resources.has(trigger.name)) {
      const allowed = [...resources].join(", ") || "name one in resource_monitors";
      at.field("name").refuse("is no resource that is monitored", trigger.name, allowed);
    }
    return decodeTrigger(trigger, at);
  });
  return [{ name, triggers, idleFloor: decodeFloor(message, name, place) }];
}

function decodeTrigger({ name, triggerOneof }: Trigger, place: Place): OverloadTrigger[] {
  if (triggerOneof.case === "threshold") {
    const { value } = triggerOneof.value;
    return [{ resource: name, from: value, to: value }];
  }
  if (triggerOneof.case !== "scaled") return [];
  const { scalingThreshold: from, saturationThreshold: to } = triggerOneof.value;
  if (from >= to) {
    place
      .field("scaled")
      .field("scaling_threshold")
      .refuse("is not below saturation", from, `<${to}`);
  }
  return [{ resource: name, from, to }];
}

function decodeFloor(
  { typedConfig }: OverloadActionMessage,
  name: OverloadActionName,
  place: Place,
): TimerFloor | undefined {
  const at = place.field("typed_config");
  const config = unpack(typedConfig, ScaleTimersOverloadActionConfigSchema);
  if (name !== "reduce_timeouts") {
    if (typedConfig !== undefined) at.refuse("does not belong to this action", typedConfig.typeUrl);
    return undefined;
  }
  if (config === undefined) {
    at.refuse("is missing", typedConfig?.typeUrl, ScaleTimersOverloadActionConfigSchema.typeName);
    return undefined;
  }
  let floor: TimerFloor | undefined;
  config.timerScaleFactors.forEach(({ timer, overloadAdjust }, i) => {
    const factor = at.field("timer_scale_factors").item(i);
    if (timer !== TimerType.HTTP_DOWNSTREAM_CONNECTION_IDLE) {
      const allowed = "HTTP_DOWNSTREAM_CONNECTION_IDLE";
      factor.field("timer").refuse("is no timer that is scaled", TimerType[timer], allowed);
    } else if (floor !== undefined) {
      factor.field("timer").refuse("stands twice", TimerType[timer]);
    } else if (overloadAdjust.case === "minTimeout") {
      floor = { minMs: durationMs(overloadAdjust.value) };
    } else if (overloadAdjust.case === "minScale") {
      floor = { minShare: overloadAdjust.value.value / 100 };
    }
  });
  return floor;
}

function refuseTwice(actions: readonly OverloadAction[], place: Place): void {
  const names = new Set<string>();
  actions.forEach(({ name }, i) => {
    if (names.has(name)) place.item(i).field("name").refuse("stands twice", `${PREFIX}${name}`);
    names.add(name);
  });
}
