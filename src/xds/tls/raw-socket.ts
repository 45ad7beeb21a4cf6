import { create } from "@bufbuild/protobuf";
import {
  type TransportSocket,
  TransportSocketSchema,
} from "../../gen/envoy/config/core/v3/base_pb.js";
import { RawBufferSchema } from "../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import { packEmpty } from "../message/any.ts";

/** Plain bytes, where a field wants a transport socket that says so. */
export const RAW_SOCKET: TransportSocket = create(TransportSocketSchema, {
  name: "envoy.transport_sockets.raw_buffer",
  configType: { case: "typedConfig", value: packEmpty(RawBufferSchema) },
});
