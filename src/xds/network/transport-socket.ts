import type { TransportSocket } from "../../gen/envoy/config/core/v3/base_pb.js";
import { RawBufferSchema } from "../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import type { Place } from "../check/place.ts";
import { typeNameOf } from "../message/any.ts";

/** Plain TCP is all that is spoken: any other transport socket would be a promise not kept. */
export function refuseTls(socket: TransportSocket | undefined, place: Place): void {
  if (socket === undefined) return;
  const { configType, name } = socket;
  if (configType.case === undefined) {
    if (name !== "envoy.transport_sockets.raw_buffer") place.refuse("is not executed", name);
    return;
  }
  const type = typeNameOf(configType.value.typeUrl);
  if (type === RawBufferSchema.typeName) return;
  const reason = /tls/i.test(type) ? "TLS is not spoken yet" : "is not executed";
  place.field("typed_config").refuse(reason, configType.value.typeUrl, "raw_buffer, or none");
}
