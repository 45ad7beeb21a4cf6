import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { TypedStructSchema as UdpaTypedStructSchema } from "../../gen/udpa/type/v1/typed_struct_pb.js";
import { TypedStructSchema } from "../../gen/xds/type/v3/typed_struct_pb.js";
import { ENVOY_BALANCING, type PeakEwmaOptions } from "../../model/balance/balancing.ts";
import type { Place } from "../check/place.ts";
import { pack, unpack } from "../message/any.ts";

/** The type of our own policy, inside a TypedStruct. */
export const PEAK_EWMA_TYPE = "outrigger.dev/load_balancing_policies.peak_ewma";

/** Field by field: its name in the message, and the least and the most that it may be. */
const FIELDS = [
  { name: "default_rtt_ms", key: "defaultRttMs" },
  { name: "decay_ms", key: "decayMs" },
] as const;
const MS_MAX = 3_600_000;

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
    if (!FIELDS.some((field) => field.name === name)) {
      at.field(name).refuse("is unknown", undefined, FIELDS.map((field) => field.name).join(", "));
    }
  }
  const options = { ...ENVOY_BALANCING.peakEwma };
  for (const { name, key } of FIELDS) {
    options[key] = decodeMs(value[name], options[key], at.field(name));
  }
  return options;
}

function decodeMs(value: JsonValue | undefined, otherwise: number, place: Place): number {
  if (value === undefined) return otherwise;
  if (typeof value === "number" && value >= 1 && value <= MS_MAX) return value;
  place.refuse("is no time in milliseconds", value, `1 to ${MS_MAX}`);
  return otherwise;
}

export function encodePeakEwma({ defaultRttMs, decayMs }: PeakEwmaOptions): Any {
  const message = create(TypedStructSchema, {
    typeUrl: PEAK_EWMA_TYPE,
    value: { default_rtt_ms: defaultRttMs, decay_ms: decayMs },
  });
  return pack(TypedStructSchema, message);
}
