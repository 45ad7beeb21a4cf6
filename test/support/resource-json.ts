import { type DescMessage, fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "../../src/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../src/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../src/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../../src/gen/envoy/config/route/v3/route_pb.js";
import { SecretSchema } from "../../src/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { formatProblem } from "../../src/xds/check/place.ts";
import { REGISTRY } from "../../src/xds/message/any.ts";
import { decodeResource, type ResourceModels } from "../../src/xds/resource.ts";

type Kind = "cluster" | "endpoint" | "listener" | "route" | "secret";

const SCHEMAS: Readonly<Record<Kind, DescMessage>> = {
  cluster: ClusterSchema,
  endpoint: ClusterLoadAssignmentSchema,
  listener: ListenerSchema,
  route: RouteConfigurationSchema,
  secret: SecretSchema,
};

/** A resource as Envoy's YAML has it, and the problems in the words of a NACK. */
export function decodeJson<T extends Kind>(
  type: T,
  json: JsonObject,
): { readonly model: ResourceModels[T] | undefined; readonly problems: readonly string[] } {
  const schema = SCHEMAS[type];
  const bytes = toBinary(schema, fromJson(schema, json, { registry: REGISTRY }));
  const { model, problems } = decodeResource(type, bytes);
  return { model, problems: problems.map(formatProblem) };
}
