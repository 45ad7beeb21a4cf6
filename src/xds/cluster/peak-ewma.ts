import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { TypedStructSchema as UdpaTypedStructSchema } from "../../gen/udpa/type/v1/typed_struct_pb.js";
import { TypedStructSchema } from "../../gen/xds/type/v3/typed_struct_pb.js";
import {
  ENVOY_BALANCING,
  type FailurePenalty,
  PENALTY_BOUNDS,
  type PeakEwmaOptions,
} from "../../model/balance/balancing.ts";
import type { Place } from "../check/place.ts";
import { pack, unpack } from "../message/any.ts";

/** The type of our own policy, inside a TypedStruct. */
export const PEAK_EWMA_TYPE = "outrigger.dev/load_balancing_policies.peak_ewma";

/** Field by field: its name in the message, and the least and the most that it may be. */
const FIELDS = [
  { name: "default_rtt_ms", key: "defaultRttMs" },
  { name: "decay_ms", key: "decayMs" },
] as const;
const PENALTY = "failure_penalty_ms";
const MAX_RETRY_AFTER = "max_retry_after_ms";
const NAMES: readonly string[] = [...FIELDS.map(({ name }) => name), PENALTY, MAX_RETRY_AFTER];
const { max: MS_MAX } = PENALTY_BOUNDS;
/** Linkerd's. */
const MAX_RETRY_AFTER_MS = 300_000;

/** Undefined, with a reason, where the TypedStruct is something else. */
export function decodePeakEwma(any: Any, place: Place): PeakEwmaOptions | undefined {
  const message = unpack(any, TypedStructSchema) ?? unpack(any, UdpaTypedStructSchema);
  if (message === undefined) return undefined;
  if (message.typeUrl !== PEAK_EWMA_TYPE && !message.typeUrl.endsWith(`/${PEAK_EWMA_TYPE}`)) {
    place.field("type_url").refuse("is not executed", message.typeUrl, PEAK_EWMA_TYPE);
    return undefined;
  }
  const value: JsonObject = message.value ?? {};
  const at = place.field("value");
  for (const name in value) {
    if (!NAMES.includes(name)) at.field(name).refuse("is unknown", undefined, NAMES.join(", "));
  }
  const options = { ...ENVOY_BALANCING.peakEwma };
  for (const { name, key } of FIELDS) {
    options[key] = decodeMs(value[name], options[key], at.field(name));
  }
  const failurePenalty = decodePenalty(value, at);
  return failurePenalty === undefined ? options : { ...options, failurePenalty };
}

function decodePenalty(value: JsonObject, at: Place): FailurePenalty | undefined {
  if (value[PENALTY] === undefined) {
    if (value[MAX_RETRY_AFTER] !== undefined) at.field(PENALTY).refuse("is missing");
    return undefined;
  }
  return {
    penaltyMs: decodeMs(value[PENALTY], 1, at.field(PENALTY)),
    maxRetryAfterMs: decodeMs(
      value[MAX_RETRY_AFTER],
      MAX_RETRY_AFTER_MS,
      at.field(MAX_RETRY_AFTER),
    ),
  };
}

function decodeMs(value: JsonValue | undefined, otherwise: number, place: Place): number {
  if (value === undefined) return otherwise;
  if (typeof value === "number" && value >= 1 && value <= MS_MAX) return value;
  place.refuse("is no time in milliseconds", value, `1 to ${MS_MAX}`);
  return otherwise;
}

export function encodePeakEwma({ defaultRttMs, decayMs, failurePenalty }: PeakEwmaOptions): Any {
  const penalty = failurePenalty && {
    [PENALTY]: failurePenalty.penaltyMs,
    [MAX_RETRY_AFTER]: failurePenalty.maxRetryAfterMs,
  };
  const message = create(TypedStructSchema, {
    typeUrl: PEAK_EWMA_TYPE,
    value: { default_rtt_ms: defaultRttMs, decay_ms: decayMs, ...penalty },
  });
  return pack(TypedStructSchema, message);
}
