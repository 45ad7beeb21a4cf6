import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ApiConfigSource,
  ApiConfigSourceSchema,
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
  type ConfigSource,
  ConfigSourceSchema,
} from "../../gen/envoy/config/core/v3/config_source_pb.js";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { SecretRef, SecretSource } from "../../model/transport/secret.ts";
import type { Place } from "../check/place.ts";
import { ADS_SOURCE } from "../message/config-source.ts";
import { toDuration } from "../message/scalar.ts";

const ALLOWED = "ads, path_config_source, api_config_source";

/** transport_sockets.tls.v3.SdsSecretConfig. */
export function decodeSecretRef(message: SdsSecretConfig, place: Place): SecretRef {
  const { name, sdsConfig } = message;
  if (sdsConfig === undefined) return { name, source: { kind: "static" } };
  return { name, source: decodeSource(sdsConfig, place.field("sds_config")) };
}

function decodeSource({ configSourceSpecifier: source }: ConfigSource, place: Place): SecretSource {
  switch (source.case) {
    case "ads":
      return { kind: "ads" };
    case "pathConfigSource":
      return { kind: "file", path: source.value.path };
    case "apiConfigSource":
      return {
        kind: "cluster",
        cluster: decodeCluster(source.value, place.field("api_config_source")),
      };
    default:
      place.refuse("names no source that is executed", source.case, ALLOWED);
      return { kind: "static" };
  }
}

/** What else the message may say the check has refused. */
function decodeCluster({ grpcServices: services }: ApiConfigSource, place: Place): string {
  const at = place.field("grpc_services");
  const [target] = services.map(({ targetSpecifier }) => targetSpecifier);
  if (services.length > 1) at.refuse("name more than one server", services.length, "one");
  if (target?.case === "envoyGrpc") return target.value.clusterName;
  at.refuse("name no cluster", undefined, "one envoy_grpc.cluster_name");
  return "";
}

export function encodeSecretRef({ name, source }: SecretRef): SdsSecretConfig {
  const init: MessageInitShape<typeof SdsSecretConfigSchema> = { name };
  if (source.kind !== "static") init.sdsConfig = encodeSource(source);
  return create(SdsSecretConfigSchema, init);
}

function encodeSource(source: Exclude<SecretSource, { readonly kind: "static" }>): ConfigSource {
  if (source.kind === "ads") return ADS_SOURCE;
  return create(ConfigSourceSchema, {
    resourceApiVersion: ApiVersion.V3,
    configSourceSpecifier:
      source.kind === "file"
        ? { case: "pathConfigSource", value: { path: source.path } }
        : { case: "apiConfigSource", value: grpcSource(source.cluster) },
    // As Istio has it: an agent may take its time, and nothing is served without it.
    ...(source.kind === "cluster" ? { initialFetchTimeout: toDuration(0) } : {}),
  });
}

function grpcSource(clusterName: string): ApiConfigSource {
  return create(ApiConfigSourceSchema, {
    apiType: ApiType.GRPC,
    transportApiVersion: ApiVersion.V3,
    setNodeOnFirstMessageOnly: true,
    grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName } } }],
  });
}
