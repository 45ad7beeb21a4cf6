import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import {
  type TransportSocket,
  TransportSocketSchema,
} from "../../gen/envoy/config/core/v3/base_pb.js";
import { RawBufferSchema } from "../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { DownstreamTls, UpstreamTls } from "../../model/transport/tls.ts";
import type { Place } from "../check/place.ts";
import { pack, typeNameOf, unpack } from "../message/any.ts";
import { decodeCommon, encodeCommon } from "./common-context.ts";

const TLS = "envoy.transport_sockets.tls";
/** Envoy's `max_session_keys` where it is not set. */
const SESSION_KEYS = 1;

/** The TLS context of a filter chain; undefined: plain bytes. */
export function decodeDownstreamTls(
  socket: TransportSocket | undefined,
  place: Place,
): DownstreamTls | undefined {
  const message = contextOf(socket, DownstreamTlsContextSchema, place);
  if (message === undefined) return undefined;
  const at = place.field("typed_config");
  const common = at.field("common_tls_context");
  const context = decodeCommon(message.commonTlsContext, "TLSv1.3", common);
  const { tlsCertificates = [], tlsCertificateSdsSecretConfigs: asked = [] } =
    message.commonTlsContext ?? {};
  if (tlsCertificates.length === 0 && asked.length === 0) {
    common.field("tls_certificates").refuse("are missing", 0, "at least one");
  }
  const { sessionTicketKeysType: tickets } = message;
  return {
    ...context,
    requireClientCertificate: message.requireClientCertificate ?? false,
    sessionTickets: !(tickets.case === "disableStatelessSessionResumption" && tickets.value),
  };
}

/** The TLS context of a cluster; undefined: plain bytes. */
export function decodeUpstreamTls(
  socket: TransportSocket | undefined,
  place: Place,
): UpstreamTls | undefined {
  const message = contextOf(socket, UpstreamTlsContextSchema, place);
  if (message === undefined) return undefined;
  const common = place.field("typed_config").field("common_tls_context");
  const context = decodeCommon(message.commonTlsContext, "TLSv1.2", common);
  if (context.certificates.length > 1) {
    const found = context.certificates.length;
    common.field("tls_certificates").refuse("are too many for a client", found, "at most one");
  }
  const asked = context.certificateSecrets?.length ?? 0;
  if (asked > 1) {
    const at = common.field("tls_certificate_sds_secret_configs");
    at.refuse("are too many for a client", asked, "at most one");
  }
  return {
    ...context,
    sni: message.sni,
    maxSessionKeys: message.maxSessionKeys ?? SESSION_KEYS,
  };
}

/** What the socket holds, if it is TLS of this side; types unknown altogether the check refused. */
function contextOf<Desc extends DescMessage>(
  socket: TransportSocket | undefined,
  schema: Desc,
  place: Place,
): MessageShape<Desc> | undefined {
  if (socket === undefined) return undefined;
  const { configType, name } = socket;
  if (configType.case === undefined) {
    place.field("typed_config").refuse("is missing", name);
    return undefined;
  }
  const type = typeNameOf(configType.value.typeUrl);
  if (type !== schema.typeName && type !== RawBufferSchema.typeName) {
    place.field("typed_config").refuse("is not for this side", type, schema.typeName);
  }
  return unpack(configType.value, schema);
}

export function encodeDownstreamTls(tls: DownstreamTls): TransportSocket {
  const message = create(DownstreamTlsContextSchema, {
    commonTlsContext: encodeCommon(tls),
    requireClientCertificate: tls.requireClientCertificate,
    sessionTicketKeysType: {
      case: "disableStatelessSessionResumption",
      value: !tls.sessionTickets,
    },
  });
  return socketOf(DownstreamTlsContextSchema, message);
}

export function encodeUpstreamTls(tls: UpstreamTls): TransportSocket {
  const message = create(UpstreamTlsContextSchema, {
    commonTlsContext: encodeCommon(tls),
    sni: tls.sni,
    maxSessionKeys: tls.maxSessionKeys,
  });
  return socketOf(UpstreamTlsContextSchema, message);
}

function socketOf<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): TransportSocket {
  return create(TransportSocketSchema, {
    name: TLS,
    configType: { case: "typedConfig", value: pack(schema, message) },
  });
}
