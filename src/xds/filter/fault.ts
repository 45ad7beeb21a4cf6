import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type {
  FaultDelay as DelayMessage,
  FaultDelaySchema,
} from "../../gen/envoy/extensions/filters/common/fault/v3/fault_pb.js";
import {
  type FaultAbort as AbortMessage,
  type FaultAbortSchema,
  type HTTPFault as FaultMessage,
  HTTPFaultSchema as FaultSchema,
} from "../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import type { FractionalPercent } from "../../gen/envoy/type/v3/percent_pb.js";
import type { FaultAbort, FaultDelay, HttpFault } from "../../model/filter/fault.ts";
import type { Fraction } from "../../model/filter/fraction.ts";
import type { Place } from "../check/place.ts";
import { decodeFraction, encodeFraction } from "../message/fraction.ts";
import { durationMs, toDuration } from "../message/scalar.ts";
import { decodeHeaderMatch, encodeHeaderMatch } from "../network/route-match.ts";

/** Where no share is written, no request is meant. */
const NONE: Fraction = { numerator: 0, denominator: 100 };

/** filters.http.fault.v3.HTTPFault, of a filter or of a route. */
export function decodeFault(message: FaultMessage, place: Place): HttpFault {
  const headers = place.field("headers");
  return {
    delay: message.delay && decodeDelay(message.delay),
    abort: message.abort && decodeAbort(message.abort),
    upstreamCluster: message.upstreamCluster,
    headers: message.headers.map((match, i) => decodeHeaderMatch(match, headers.item(i))),
    downstreamNodes: message.downstreamNodes,
    maxActiveFaults: message.maxActiveFaults,
  };
}

function decodeDelay({ faultDelaySecifier: by, percentage }: DelayMessage): FaultDelay {
  const share = decodeShare(percentage);
  if (by.case !== "fixedDelay") return { share, by: { kind: "headers" } };
  return { share, by: { kind: "fixed", ms: durationMs(by.value) } };
}

function decodeAbort({ errorType: by, percentage }: AbortMessage): FaultAbort {
  const share = decodeShare(percentage);
  if (by.case === "httpStatus") return { share, by: { kind: "http", status: by.value } };
  if (by.case === "grpcStatus") return { share, by: { kind: "grpc", status: by.value } };
  return { share, by: { kind: "headers" } };
}

function decodeShare(percentage: FractionalPercent | undefined): Fraction {
  return percentage === undefined ? NONE : decodeFraction(percentage);
}

export function encodeFault(fault: HttpFault): FaultMessage {
  const { abort, delay, maxActiveFaults } = fault;
  return create(FaultSchema, {
    ...(delay === undefined ? {} : { delay: encodeDelay(delay) }),
    ...(abort === undefined ? {} : { abort: encodeAbort(abort) }),
    upstreamCluster: fault.upstreamCluster,
    headers: fault.headers.map(encodeHeaderMatch),
    downstreamNodes: [...fault.downstreamNodes],
    ...(maxActiveFaults === undefined ? {} : { maxActiveFaults }),
    // Their names would come out of requests; our own proxies have none either way.
    disableDownstreamClusterStats: true,
  });
}

function encodeDelay({ by, share }: FaultDelay): MessageInitShape<typeof FaultDelaySchema> {
  return {
    faultDelaySecifier:
      by.kind === "fixed"
        ? { case: "fixedDelay", value: toDuration(by.ms) }
        : { case: "headerDelay", value: {} },
    percentage: encodeFraction(share),
  };
}

function encodeAbort({ by, share }: FaultAbort): MessageInitShape<typeof FaultAbortSchema> {
  return { errorType: encodeError(by), percentage: encodeFraction(share) };
}

function encodeError(
  by: FaultAbort["by"],
): NonNullable<MessageInitShape<typeof FaultAbortSchema>["errorType"]> {
  if (by.kind === "http") return { case: "httpStatus", value: by.status };
  if (by.kind === "grpc") return { case: "grpcStatus", value: by.status };
  return { case: "headerAbort", value: {} };
}
