import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../gen/envoy/config/route/v3/route_pb.js";
import { SecretSchema } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Cluster } from "../model/cluster.ts";
import type { ClusterLoadAssignment } from "../model/endpoint.ts";
import type { Listener } from "../model/listener.ts";
import type { RouteConfiguration } from "../model/route.ts";
import type { Secret } from "../model/transport/secret.ts";
import { checkMessage } from "./check/check.ts";
import { Place, type Problem } from "./check/place.ts";
import { decodeCluster, encodeCluster } from "./cluster-resource.ts";
import { decodeLoadAssignmentSlowly, encodeLoadAssignment } from "./endpoint-resource.ts";
import { decodeListener, encodeListener } from "./listener-resource.ts";
import { typeUrlOf } from "./message/any.ts";
import type { EncodeFor } from "./message/flavor.ts";
import type { ResourceType } from "./order.ts";
import { decodeRoutes, encodeRoutes } from "./route-resource.ts";
import { decodeSecret, encodeSecret } from "./secret-resource.ts";

/** The model's object for each type of resource. */
export interface ResourceModels {
  readonly cluster: Cluster;
  readonly endpoint: ClusterLoadAssignment;
  readonly listener: Listener;
  readonly route: RouteConfiguration;
  readonly secret: Secret;
}

/** How one type of resource travels. */
export interface ResourceCodec<T extends ResourceType> {
  readonly typeUrl: string;
  nameOf(model: ResourceModels[T]): string;
  encode(model: ResourceModels[T], target: EncodeFor): Uint8Array;
  /**
   * Yields between pieces of work; problems go to `place`, and with any of them the model must
   * not be used. Never throws.
   */
  decode(bytes: Uint8Array, place: Place): Generator<void, ResourceModels[T] | undefined>;
}

function codec<T extends ResourceType, Desc extends DescMessage>(
  schema: Desc,
  nameOf: (model: ResourceModels[T]) => string,
  encode: (model: ResourceModels[T], target: EncodeFor) => MessageShape<Desc>,
  decode: (message: MessageShape<Desc>, place: Place) => ResourceModels[T],
): ResourceCodec<T> {
  return {
    typeUrl: typeUrlOf(schema),
    nameOf,
    encode: (model, target) => toBinary(schema, encode(model, target)),
    *decode(bytes, place) {
      const message = parse(schema, bytes, place);
      if (message === undefined) return undefined;
      yield;
      checkMessage(schema, message, place);
      yield;
      return decode(message, place);
    },
  };
}

function parse<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  place: Place,
): MessageShape<Desc> | undefined {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    place.refuse(`is no ${schema.typeName}: ${reason}`);
    return undefined;
  }
}

const endpointCodec: ResourceCodec<"endpoint"> = {
  typeUrl: typeUrlOf(ClusterLoadAssignmentSchema),
  nameOf: (assignment) => assignment.clusterName,
  encode: (assignment, target) =>
    toBinary(ClusterLoadAssignmentSchema, encodeLoadAssignment(assignment, target)),
  *decode(bytes, place) {
    try {
      return yield* decodeLoadAssignmentSlowly(bytes, place);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      place.refuse(`is no ${ClusterLoadAssignmentSchema.typeName}: ${reason}`);
      return undefined;
    }
  },
};

export const CODECS: { readonly [T in ResourceType]: ResourceCodec<T> } = {
  cluster: codec(ClusterSchema, (cluster: Cluster) => cluster.name, encodeCluster, decodeCluster),
  endpoint: endpointCodec,
  listener: codec(
    ListenerSchema,
    (listener: Listener) => listener.name,
    encodeListener,
    decodeListener,
  ),
  route: codec(
    RouteConfigurationSchema,
    (routes: RouteConfiguration) => routes.name,
    encodeRoutes,
    decodeRoutes,
  ),
  secret: codec(SecretSchema, ({ name }: Secret) => name, encodeSecret, decodeSecret),
};

/** All at once, for whoever may take the time: the model, or every problem. */
export function decodeResource<T extends ResourceType>(
  type: T,
  bytes: Uint8Array,
): { readonly model: ResourceModels[T] | undefined; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const steps = CODECS[type].decode(bytes, new Place(problems));
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return { model: problems.length === 0 ? step.value : undefined, problems };
}
