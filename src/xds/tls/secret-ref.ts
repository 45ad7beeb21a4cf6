import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ApiConfigSource,
  ApiConfigSourceSchema,
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
  type ConfigSource,
  PathConfigSourceSchema,
} from "../../gen/envoy/config/core/v3/config_source_pb.js";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import {
  fetchTimeoutMsOf,
  INITIAL_FETCH_MS,
  type SecretRef,
  type SecretSource,
} from "../../model/transport/secret.ts";
import type { Place } from "../check/place.ts";
import { ADS_SOURCE } from "../message/config-source.ts";
import { durationOr, toDuration } from "../message/scalar.ts";

const ALLOWED = "ads, path_config_source, api_config_source";

/** transport_sockets.tls.v3.SdsSecretConfig. */
export function decodeSecretRef(message: SdsSecretConfig, place: Place): SecretRef {
  const { name, sdsConfig } = message;
  if (sdsConfig === undefined) return { name, source: { kind: "static" } };
  const source = decodeSource(sdsConfig, place.field("sds_config"));
  const initialFetchTimeoutMs = durationOr(sdsConfig.initialFetchTimeout, INITIAL_FETCH_MS);
  const usual = fetchTimeoutMsOf({ source }) === initialFetchTimeoutMs;
  return usual ? { name, source } : { name, source, initialFetchTimeoutMs };
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

export function encodeSecretRef(ref: SecretRef): SdsSecretConfig {
  const { name, source } = ref;
  const init: MessageInitShape<typeof SdsSecretConfigSchema> = { name };
  if (source.kind === "static") return create(SdsSecretConfigSchema, init);
  const timeoutMs = fetchTimeoutMsOf(ref);
  init.sdsConfig = {
    resourceApiVersion: ApiVersion.V3,
    configSourceSpecifier: encodeSource(source),
    ...(timeoutMs === INITIAL_FETCH_MS ? {} : { initialFetchTimeout: toDuration(timeoutMs) }),
  };
  return create(SdsSecretConfigSchema, init);
}

type Specifier = ConfigSource["configSourceSpecifier"];

function encodeSource(source: Exclude<SecretSource, { readonly kind: "static" }>): Specifier {
  switch (source.kind) {
    case "ads":
      return ADS_SOURCE.configSourceSpecifier;
    case "file":
      return {
        case: "pathConfigSource",
        value: create(PathConfigSourceSchema, { path: source.path }),
      };
    case "cluster":
      return { case: "apiConfigSource", value: grpcSource(source.cluster) };
  }
}

function grpcSource(clusterName: string): ApiConfigSource {
  return create(ApiConfigSourceSchema, {
    apiType: ApiType.GRPC,
    transportApiVersion: ApiVersion.V3,
    setNodeOnFirstMessageOnly: true,
    grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName } } }],
  });
}
