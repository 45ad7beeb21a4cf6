import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { TypedStructSchema as UdpaTypedStructSchema } from "../../gen/udpa/type/v1/typed_struct_pb.js";
import { TypedStructSchema } from "../../gen/xds/type/v3/typed_struct_pb.js";
import type { TelemetryFilter } from "../../model/listener.ts";
import type { Place } from "../check/place.ts";
import { pack, typeNameOf, unpack } from "../message/any.ts";

/** The type of our own extension, inside a TypedStruct, as an HTTP and as a network filter. */
export const TELEMETRY_TYPE = "outrigger.dev/telemetry";

const DIRECTIONS = ["inbound", "outbound"] as const;

export function isTypedStruct(any: Any): boolean {
  const name = typeNameOf(any.typeUrl);
  return name === TypedStructSchema.typeName || name === UdpaTypedStructSchema.typeName;
}

/** Undefined, with a reason, where the TypedStruct is something else. */
export function decodeTelemetry(any: Any, place: Place): TelemetryFilter | undefined {
  const message = unpack(any, TypedStructSchema) ?? unpack(any, UdpaTypedStructSchema);
  if (message === undefined) return undefined;
  // A type URL may carry a host before the name: `type.googleapis.com/outrigger.dev/telemetry`.
  if (message.typeUrl !== TELEMETRY_TYPE && !message.typeUrl.endsWith(`/${TELEMETRY_TYPE}`)) {
    place.field("type_url").refuse("is not executed", message.typeUrl, TELEMETRY_TYPE);
    return undefined;
  }
  const value = place.field("value");
  for (const key in message.value) {
    if (key !== "direction") value.field(key).refuse("is unknown", undefined, "direction");
  }
  const wanted = message.value?.direction;
  const direction = DIRECTIONS.find((known) => known === wanted);
  if (direction !== undefined) return { kind: "telemetry", direction };
  value.field("direction").refuse("is no direction", wanted, DIRECTIONS.join(", "));
  return undefined;
}

export function encodeTelemetry(filter: TelemetryFilter): Any {
  const message = create(TypedStructSchema, {
    typeUrl: TELEMETRY_TYPE,
    value: { direction: filter.direction },
  });
  return pack(TypedStructSchema, message);
}
