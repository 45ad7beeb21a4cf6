import { GRPC_STATUS } from "../../codec/grpc/status.ts";
import type { CompiledDirectResponse, CompiledRedirect } from "../route/compiled-route.ts";
import { redirectLocation } from "../route/redirect.ts";
import type { RequestHead } from "../route/request-head.ts";
import {
  FLAG_DPE,
  FLAG_NC,
  FLAG_NR,
  FLAG_SI,
  FLAG_UH,
  FLAG_UMSDR,
  FLAG_UT,
} from "../telemetry/response-flags.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import type { LocalReply } from "./local-reply.ts";
import { reportOf, resetBody, resetDetails } from "./reset.ts";

/** Envoy's own answers: status, body, response flag and response code details as Envoy 1.40. */

export const NO_ROUTE: LocalReply = reply(404, "", FLAG_NR, "route_not_found");

export const NO_HEALTHY_UPSTREAM: LocalReply = reply(
  503,
  "no healthy upstream",
  FLAG_UH,
  "no_healthy_upstream",
);

/** The overload manager takes no requests; Envoy's OM is for streams that it has ended. */
export const OVERLOADED: LocalReply = reply(503, "envoy overloaded", 0, "overload");

export const RESPONSE_TIMEOUT: LocalReply = reply(
  504,
  "upstream request timeout",
  FLAG_UT,
  "response_timeout",
);

export const PER_TRY_TIMEOUT: LocalReply = reply(
  504,
  "upstream request timeout",
  FLAG_UT,
  "upstream_per_try_timeout",
);

export const PER_TRY_IDLE_TIMEOUT: LocalReply = {
  ...PER_TRY_TIMEOUT,
  details: "upstream_per_try_idle_timeout",
};

/** An attempt has taken as long as it may; 408 where the client was still sending. */
export const ATTEMPT_TOO_LONG: LocalReply = {
  ...reply(
    504,
    "upstream max stream duration reached",
    FLAG_UMSDR,
    "upstream_max_stream_duration_reached",
  ),
  uncounted: true,
};

export const ATTEMPT_TOO_LONG_UNREAD: LocalReply = { ...ATTEMPT_TOO_LONG, status: 408 };

/** An interim answer has gone before it. */
export function lateReply(reset: LocalReply): LocalReply {
  const details = reset.details.replace("_before_", "_after_");
  return { ...reset, details, uncounted: true };
}

/** The same between two attempts, or where an answer has begun. */
export function uncountedReply(timeout: LocalReply): LocalReply {
  return { ...timeout, uncounted: true };
}

/** What the client asked for in the place of a timeout's answer. */
export function quietReply(timeout: LocalReply): LocalReply {
  return { ...timeout, status: 204, body: "" };
}

/** Nothing moved for too long; 408 where the client was still sending. */
export const STREAM_IDLE_TIMEOUT: LocalReply = {
  ...reply(504, "stream timeout", FLAG_SI, "stream_idle_timeout"),
  clusterStatus: 0,
};

export const REQUEST_IDLE_TIMEOUT: LocalReply = { ...STREAM_IDLE_TIMEOUT, status: 408 };

/** The request has not arrived in the time that its connection manager allows. */
export const REQUEST_TIMEOUT: LocalReply = reply(
  408,
  "request timeout",
  0,
  "request_overall_timeout",
);

/** The stream has taken as long as it may; 408 where the client was still sending. */
export const STREAM_TOO_LONG: LocalReply = {
  ...reply(504, "downstream duration timeout", 0, "max_duration_timeout"),
  grpcStatus: GRPC_STATUS.DEADLINE_EXCEEDED,
  clusterStatus: 0,
};

export const REQUEST_TOO_LONG: LocalReply = { ...STREAM_TOO_LONG, status: 408 };

export const BAD_GRPC_WEB: LocalReply = reply(
  400,
  "Bad gRPC-web request, invalid base64 data.",
  0,
  "grpc_base_64_decode_failed",
);

export const UPGRADE_REQUIRED: LocalReply = {
  ...reply(426, "Upgrade Required", 0, "low_version"),
  close: true,
};

/** A body whose chunks break the rules. */
export const BAD_BODY: LocalReply = {
  ...reply(400, "Bad Request", FLAG_DPE, "http1.codec_error"),
  close: true,
};

export const BAD_PATH: LocalReply = reply(400, "", 0, "path_normalization_failed");

/** The client is to ask for the path in normal form. */
export function normalPathReply(path: string): LocalReply {
  return { ...reply(307, "", 0, "path_normalization_failed"), headers: [["location", path]] };
}

export const UPGRADE_REFUSED: LocalReply = { ...reply(403, "", 0, "upgrade_failed"), close: true };

export const CONNECT_REFUSED: LocalReply = { ...reply(403, "", 0, "upgrade_failed"), close: true };

/** By the status that the route asks for. */
export const CLUSTER_REPLIES: Readonly<Record<number, LocalReply>> = {
  404: reply(404, "", FLAG_NC, "cluster_not_found"),
  500: reply(500, "", FLAG_NC, "cluster_not_found"),
  503: reply(503, "", FLAG_NC, "cluster_not_found"),
};

/** An attempt failed, and no other follows. */
export function resetReply(reason: ResetReason, retried: boolean, failure = ""): LocalReply {
  const { flag, status } = reportOf(reason);
  const answer = reply(
    status,
    resetBody(reason, retried, failure),
    flag,
    resetDetails(reason, failure),
  );
  return reason === "overflow" ? { ...answer, headers: [["x-envoy-overloaded", "true"]] } : answer;
}

/** A route that answers itself. */
export function routeReply(
  action: CompiledRedirect | CompiledDirectResponse,
  request: RequestHead,
): LocalReply {
  if (action.kind === "directResponse") {
    return reply(action.status, action.body, 0, "direct_response");
  }
  const headers = [["location", redirectLocation(action, request)]] as const;
  return { ...reply(action.status, "", 0, "direct_response"), headers };
}

function reply(status: number, body: string, flag: number, details: string): LocalReply {
  return { status, body, flag, details };
}
