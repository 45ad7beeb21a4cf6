import { fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { REGISTRY, typeNameOf } from "./message/any.ts";
import type { ResourceType } from "./order.ts";
import { CODECS, type ResourceModels } from "./resource.ts";

/** A resource as Envoy prints it: protobuf's JSON under the fields' names in the `.proto`. */
export function resourceJson<T extends ResourceType>(type: T, model: ResourceModels[T]): JsonValue {
  const codec = CODECS[type];
  const schema = REGISTRY.getMessage(typeNameOf(codec.typeUrl));
  if (schema === undefined) return null;
  const message = fromBinary(schema, codec.encode(model, "outrigger"));
  return toJson(schema, message, { registry: REGISTRY, useProtoFieldName: true });
}
