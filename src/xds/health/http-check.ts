import { create } from "@bufbuild/protobuf";
import { RequestMethod } from "../../gen/envoy/config/core/v3/base_pb.js";
import {
  type HealthCheck_HttpHealthCheck as HttpCheckMessage,
  HealthCheck_HttpHealthCheckSchema as HttpCheckSchema,
} from "../../gen/envoy/config/core/v3/health_check_pb.js";
import { CodecClientType } from "../../gen/envoy/type/v3/http_pb.js";
import { type Int64Range, Int64RangeSchema } from "../../gen/envoy/type/v3/range_pb.js";
import { type HeaderMutations, NO_MUTATIONS } from "../../model/route.ts";
import type {
  HealthCheckRhythm,
  HttpHealthCheck,
  StatusRange,
} from "../../model/upstream/health-check.ts";
import type { Place } from "../check/place.ts";
import { decodeMutations, encodeMutations } from "../message/header-mutation.ts";
import { decodeStringMatch, encodeStringMatch } from "../message/string-match.ts";
import { decodePayload, encodePayload } from "./payload.ts";

const BUFFER_BYTES = 1024;

/** By number, as the enum names them; CONNECT would open a tunnel, and is refused. */
const METHODS: Readonly<Partial<Record<RequestMethod, string>>> = {
  [RequestMethod.METHOD_UNSPECIFIED]: "GET",
  [RequestMethod.GET]: "GET",
  [RequestMethod.HEAD]: "HEAD",
  [RequestMethod.POST]: "POST",
  [RequestMethod.PUT]: "PUT",
  [RequestMethod.DELETE]: "DELETE",
  [RequestMethod.OPTIONS]: "OPTIONS",
  [RequestMethod.TRACE]: "TRACE",
  [RequestMethod.PATCH]: "PATCH",
};

export function decodeHttpCheck(
  message: HttpCheckMessage,
  rhythm: HealthCheckRhythm,
  place: Place,
): HttpHealthCheck {
  const receive = place.field("receive");
  const matcher = message.serviceNameMatcher;
  const name = place.field("service_name_matcher");
  return {
    ...rhythm,
    kind: "http",
    codec: message.codecClientType === CodecClientType.HTTP2 ? "http2" : "http1",
    host: message.host,
    path: message.path,
    method: METHODS[message.method] ?? "GET",
    requestHeaders: decodeHeaders(message, place),
    expectedStatuses: decodeRanges(message.expectedStatuses, place.field("expected_statuses")),
    retriableStatuses: decodeRanges(message.retriableStatuses, place.field("retriable_statuses")),
    receive: message.receive.map((payload, i) => decodePayload(payload, receive.item(i))),
    responseBufferBytes: Number(message.responseBufferSize ?? BUFFER_BYTES),
    serviceName: matcher === undefined ? undefined : decodeStringMatch(matcher, name),
  };
}

function decodeHeaders(message: HttpCheckMessage, place: Place): HeaderMutations {
  const none = { responseHeadersToAdd: [], responseHeadersToRemove: [] };
  const { requestHeadersToAdd, requestHeadersToRemove } = message;
  const request = { requestHeadersToAdd, requestHeadersToRemove };
  const { requestHeaders } = decodeMutations({ ...none, ...request }, place);
  for (const [i, { value }] of requestHeaders.set.entries()) {
    if (!value.includes("%")) continue;
    const at = place.field("request_headers_to_add").item(i).field("header").field("value");
    at.refuse("has a format operator, and a check has no client to speak of", value, "plain text");
  }
  return requestHeaders;
}

function decodeRanges(ranges: readonly Int64Range[], place: Place): StatusRange[] {
  return ranges.map(({ start, end }, i) => {
    const range = { start: Number(start), end: Number(end) };
    if (range.start < 100 || range.end > 600 || range.start >= range.end) {
      const found = `${range.start} to ${range.end}`;
      place.item(i).refuse("is no range of statuses", found, "start below end, in 100 to 600");
    }
    return range;
  });
}

function encodeRange({ start, end }: StatusRange): Int64Range {
  return create(Int64RangeSchema, { start: BigInt(start), end: BigInt(end) });
}

export function encodeHttpCheck(check: HttpHealthCheck): HttpCheckMessage {
  const { requestHeaders } = check;
  const headers = encodeMutations({ requestHeaders, responseHeaders: NO_MUTATIONS });
  const method = Object.entries(METHODS).findLast(([, name]) => name === check.method)?.[0];
  const message = create(HttpCheckSchema, {
    codecClientType: check.codec === "http2" ? CodecClientType.HTTP2 : CodecClientType.HTTP1,
    host: check.host,
    path: check.path,
    method: Number(method ?? RequestMethod.GET),
    requestHeadersToAdd: headers.requestHeadersToAdd,
    requestHeadersToRemove: headers.requestHeadersToRemove,
    expectedStatuses: check.expectedStatuses.map(encodeRange),
    retriableStatuses: check.retriableStatuses.map(encodeRange),
    receive: check.receive.map(encodePayload),
    responseBufferSize: BigInt(check.responseBufferBytes),
  });
  if (check.serviceName !== undefined) {
    message.serviceNameMatcher = encodeStringMatch(check.serviceName);
  }
  return message;
}
