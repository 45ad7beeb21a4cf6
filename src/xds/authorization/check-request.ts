import type { JsonObject } from "@bufbuild/protobuf";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { AddressSchema } from "../../gen/envoy/config/core/v3/address_pb.js";
import type { AttributeContext_PeerSchema } from "../../gen/envoy/service/auth/v3/attribute_context_pb.js";
import { CheckRequestSchema } from "../../gen/envoy/service/auth/v3/external_auth_pb.js";

/** One end of the client's connection. */
export interface CheckedPeer {
  /** `10.0.0.7:41522`. */
  readonly address: string;
  /** `spiffe://…`, or another name of its certificate; empty for none. */
  readonly principal: string;
  /** URL-encoded PEM; empty: it is not shown. */
  readonly certificate: string;
}

/** What an authorization server is asked about (envoy.service.auth.v3.AttributeContext). */
export interface CheckQuestion {
  readonly source: CheckedPeer;
  readonly destination: CheckedPeer;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly id: string;
  readonly method: string;
  /** Lower case names, pseudo headers among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly host: string;
  readonly scheme: string;
  /** Bytes of the body that have come. */
  readonly size: number;
  /** `HTTP/1.1`. */
  readonly protocol: string;
  /** As text, or as bytes. */
  readonly body: string;
  readonly rawBody: Uint8Array;
  readonly contextExtensions: Readonly<Record<string, string>>;
  /** By filter. */
  readonly metadata: Readonly<Record<string, JsonObject>>;
  /** The SNI; undefined: it is not shown. */
  readonly serverName: string | undefined;
}

/** envoy.service.auth.v3.CheckRequest. */
export function encodeCheck(question: CheckQuestion): Uint8Array {
  const { contextExtensions, destination, metadata, serverName, source, timeMs } = question;
  const { body, headers, host, id, method, path, protocol, rawBody, scheme, size } = question;
  const http = { body, headers: { ...headers }, host, id, method, path, protocol, rawBody, scheme };
  const message = create(CheckRequestSchema, {
    attributes: {
      source: peer(source),
      destination: peer(destination),
      request: { time: timestampFromMs(timeMs), http: { ...http, size: BigInt(size) } },
      contextExtensions: { ...contextExtensions },
      metadataContext: { filterMetadata: { ...metadata } },
      routeMetadataContext: {},
      ...(serverName === undefined ? {} : { tlsSession: { sni: serverName } }),
    },
  });
  return toBinary(CheckRequestSchema, message);
}

function peer({
  address,
  certificate,
  principal,
}: CheckedPeer): MessageInitShape<typeof AttributeContext_PeerSchema> {
  return { address: addressOf(address), principal, certificate };
}

function addressOf(text: string): MessageInitShape<typeof AddressSchema> {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  const address = text.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return {
    address: {
      case: "socketAddress",
      value: { address, portSpecifier: { case: "portValue", value: port } },
    },
  };
}
