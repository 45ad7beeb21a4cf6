import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type {
  Cluster as ClusterMessage,
  ClusterSchema,
} from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import type {
  HttpProtocolOptions as CommonOptions,
  Http1ProtocolOptions,
} from "../../gen/envoy/config/core/v3/protocol_pb.js";
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { Cluster } from "../../model/cluster.ts";
import type { Place } from "../check/place.ts";
import { pack, unpack } from "../message/any.ts";
import { durationMs, durationOr, toDuration } from "../message/scalar.ts";

/** The key of the extension in `typed_extension_protocol_options`. */
export const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const IDLE_MS = 3_600_000;

type UpstreamHttp = Pick<
  Cluster,
  "idleTimeoutMs" | "maxRequestsPerConnection" | "maxConnectionDurationMs"
>;

/** The new form (the extension) wins over the cluster's own deprecated fields, as in Envoy. */
export function decodeUpstreamHttp(
  message: ClusterMessage,
  grpc: boolean,
  place: Place,
): UpstreamHttp {
  const extensions = place.field("typed_extension_protocol_options");
  refuseOthers(message, extensions);
  const options = unpack(
    message.typedExtensionProtocolOptions[HTTP_OPTIONS],
    HttpProtocolOptionsSchema,
  );
  if (!grpc) refuseHttp2(message, options, place);
  const at = options === undefined ? place : extensions.field(HTTP_OPTIONS);
  const common =
    options === undefined ? message.commonHttpProtocolOptions : options.commonHttpProtocolOptions;
  refuseDownstreamOptions(common, at.field("common_http_protocol_options"));
  const config = options?.upstreamProtocolOptions;
  const http1 =
    config?.case === "explicitHttpConfig" &&
    config.value.protocolConfig.case === "httpProtocolOptions"
      ? config.value.protocolConfig.value
      : message.httpProtocolOptions;
  refuseHttp1Options(http1, at);
  return {
    idleTimeoutMs: durationOr(common?.idleTimeout, IDLE_MS),
    maxRequestsPerConnection:
      common?.maxRequestsPerConnection ?? message.maxRequestsPerConnection ?? 0,
    maxConnectionDurationMs: durationMs(common?.maxConnectionDuration),
  };
}

function refuseOthers(message: ClusterMessage, place: Place): void {
  for (const name in message.typedExtensionProtocolOptions) {
    if (name !== HTTP_OPTIONS) place.field(name).refuse("is not executed", undefined, HTTP_OPTIONS);
  }
}

function refuseHttp2(
  message: ClusterMessage,
  options: HttpProtocolOptions | undefined,
  place: Place,
): void {
  const reason = "HTTP/2 is not spoken upstream yet";
  if (message.http2ProtocolOptions !== undefined) {
    place.field("http2_protocol_options").refuse(reason);
  }
  const config = options?.upstreamProtocolOptions;
  if (config?.case !== "explicitHttpConfig") return;
  if (config.value.protocolConfig.case !== "http2ProtocolOptions") return;
  place
    .field("typed_extension_protocol_options")
    .field(HTTP_OPTIONS)
    .field("explicit_http_config")
    .field("http2_protocol_options")
    .refuse(reason, undefined, "http_protocol_options");
}

/** One message serves both sides; upstream, these three are not executed. */
function refuseDownstreamOptions(common: CommonOptions | undefined, place: Place): void {
  if (common?.maxHeadersCount !== undefined) {
    place.field("max_headers_count").refuse("is not executed by Outrigger upstream");
  }
}

function refuseHttp1Options(http1: Http1ProtocolOptions | undefined, place: Place): void {
  if (http1?.acceptHttp10 === true) {
    place.field("http_protocol_options").field("accept_http_10").refuse("is for listeners");
  }
}

export function encodeUpstreamHttp(cluster: Cluster): MessageInitShape<typeof ClusterSchema> {
  const { idleTimeoutMs, maxRequestsPerConnection, maxConnectionDurationMs } = cluster;
  const options = create(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: {
      idleTimeout: toDuration(idleTimeoutMs),
      ...(maxRequestsPerConnection > 0 ? { maxRequestsPerConnection } : {}),
      ...(maxConnectionDurationMs > 0
        ? { maxConnectionDuration: toDuration(maxConnectionDurationMs) }
        : {}),
    },
    upstreamProtocolOptions: {
      case: "explicitHttpConfig",
      value: { protocolConfig: { case: "httpProtocolOptions", value: {} } },
    },
  });
  const value = pack(HttpProtocolOptionsSchema, options);
  return { typedExtensionProtocolOptions: { [HTTP_OPTIONS]: value } };
}
