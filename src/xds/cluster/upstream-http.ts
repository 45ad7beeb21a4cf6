import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Cluster as ClusterMessage,
  type ClusterSchema,
  Cluster_ClusterProtocolSelection as Selection,
} from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  type HttpProtocolOptions as CommonOptions,
  type Http1ProtocolOptions,
  type Http2ProtocolOptions,
  HttpProtocolOptions_HeadersWithUnderscoresAction as UnderscoresAction,
} from "../../gen/envoy/config/core/v3/protocol_pb.js";
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { Cluster, UpstreamProtocol } from "../../model/cluster.ts";
import type { Place } from "../check/place.ts";
import { pack, unpack } from "../message/any.ts";
import { decodeHttp1, decodeHttp2, encodeHttp1, encodeHttp2 } from "../message/http-options.ts";
import { durationMs, durationOr, toDuration } from "../message/scalar.ts";

/** The key of the extension in `typed_extension_protocol_options`. */
export const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const IDLE_MS = 3_600_000;

type UpstreamHttp = Pick<
  Cluster,
  | "idleTimeoutMs"
  | "maxRequestsPerConnection"
  | "maxConnectionDurationMs"
  | "protocol"
  | "http1"
  | "http2"
>;

/** Which protocol was chosen, with the settings that stand beside the choice. */
interface Choice {
  readonly protocol: UpstreamProtocol;
  readonly http1: Http1ProtocolOptions | undefined;
  readonly http2: Http2ProtocolOptions | undefined;
  readonly place: Place;
}

/** The new form (the extension) wins over the cluster's own deprecated fields, as in Envoy. */
export function decodeUpstreamHttp(
  message: ClusterMessage,
  hasTls: boolean,
  place: Place,
): UpstreamHttp {
  const extensions = place.field("typed_extension_protocol_options");
  refuseOthers(message, extensions);
  const options = unpack(
    message.typedExtensionProtocolOptions[HTTP_OPTIONS],
    HttpProtocolOptionsSchema,
  );
  const at = options === undefined ? place : extensions.field(HTTP_OPTIONS);
  const common =
    options === undefined ? message.commonHttpProtocolOptions : options.commonHttpProtocolOptions;
  refuseDownstreamOptions(common, at.field("common_http_protocol_options"));
  const choice = options === undefined ? olderChoice(message, at) : choiceOf(options, at);
  refuseHttp1Options(choice.http1, choice.place);
  if (choice.protocol === "alpn" && !hasTls) {
    choice.place.refuse("needs a transport socket that negotiates", undefined, "TLS");
  }
  return {
    idleTimeoutMs: durationOr(common?.idleTimeout, IDLE_MS),
    maxRequestsPerConnection:
      common?.maxRequestsPerConnection ?? message.maxRequestsPerConnection ?? 0,
    maxConnectionDurationMs: durationMs(common?.maxConnectionDuration),
    protocol: choice.protocol,
    http1: decodeHttp1(choice.http1),
    http2: decodeHttp2(choice.http2),
  };
}

function choiceOf(options: HttpProtocolOptions, place: Place): Choice {
  const { upstreamProtocolOptions: config } = options;
  switch (config.case) {
    case "useDownstreamProtocolConfig":
      return chosen("downstream", config.value, place.field("use_downstream_protocol_config"));
    case "autoConfig":
      return chosen("alpn", config.value, place.field("auto_config"));
    default:
      return explicitChoice(config.value, place.field("explicit_http_config"));
  }
}

interface BothOptions {
  readonly httpProtocolOptions?: Http1ProtocolOptions | undefined;
  readonly http2ProtocolOptions?: Http2ProtocolOptions | undefined;
}

function chosen(protocol: UpstreamProtocol, options: BothOptions, place: Place): Choice {
  const { httpProtocolOptions: http1, http2ProtocolOptions: http2 } = options;
  return { protocol, http1, http2, place };
}

type Explicit = Extract<
  HttpProtocolOptions["upstreamProtocolOptions"],
  { case: "explicitHttpConfig" }
>["value"];

function explicitChoice(explicit: Explicit | undefined, place: Place): Choice {
  const config = explicit?.protocolConfig;
  if (config?.case === "http2ProtocolOptions") {
    return { protocol: "http2", http1: undefined, http2: config.value, place };
  }
  const http1 = config?.case === "httpProtocolOptions" ? config.value : undefined;
  return { protocol: "http1", http1, http2: undefined, place };
}

/** `http2_protocol_options` and `protocol_selection` of the cluster itself. */
function olderChoice(message: ClusterMessage, place: Place): Choice {
  const isDownstream = message.protocolSelection === Selection.USE_DOWNSTREAM_PROTOCOL;
  const explicit = message.http2ProtocolOptions === undefined ? "http1" : "http2";
  return chosen(isDownstream ? "downstream" : explicit, message, place);
}

function refuseOthers(message: ClusterMessage, place: Place): void {
  for (const name in message.typedExtensionProtocolOptions) {
    if (name !== HTTP_OPTIONS) place.field(name).refuse("is not executed", undefined, HTTP_OPTIONS);
  }
}

/** One message serves both sides; upstream, these are not executed. */
function refuseDownstreamOptions(common: CommonOptions | undefined, place: Place): void {
  if (common?.maxHeadersCount !== undefined) {
    place.field("max_headers_count").refuse("is not executed by Outrigger upstream");
  }
  if (common?.maxStreamDuration !== undefined) {
    place.field("max_stream_duration").refuse("is not executed by Outrigger upstream");
  }
  if (common !== undefined && common.headersWithUnderscoresAction !== UnderscoresAction.ALLOW) {
    const at = place.field("headers_with_underscores_action");
    at.refuse("is not executed by Outrigger upstream", undefined, "ALLOW");
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
    upstreamProtocolOptions: encodeChoice(cluster),
  });
  const value = pack(HttpProtocolOptionsSchema, options);
  return { typedExtensionProtocolOptions: { [HTTP_OPTIONS]: value } };
}

type EncodedChoice = NonNullable<
  MessageInitShape<typeof HttpProtocolOptionsSchema>["upstreamProtocolOptions"]
>;

function encodeChoice(cluster: Cluster): EncodedChoice {
  const httpProtocolOptions = encodeHttp1(cluster.http1);
  const http2ProtocolOptions = encodeHttp2(cluster.http2);
  const both = { httpProtocolOptions, http2ProtocolOptions };
  switch (cluster.protocol) {
    case "http1":
      return explicit({ case: "httpProtocolOptions", value: httpProtocolOptions });
    case "http2":
      return explicit({ case: "http2ProtocolOptions", value: http2ProtocolOptions });
    case "downstream":
      return { case: "useDownstreamProtocolConfig", value: both };
    case "alpn":
      return { case: "autoConfig", value: both };
  }
}

function explicit(protocolConfig: Explicit["protocolConfig"]): EncodedChoice {
  return { case: "explicitHttpConfig", value: { protocolConfig } };
}
