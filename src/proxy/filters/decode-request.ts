// hot path: no allocation per request
import { removeHopByHop } from "../../codec/h1/connection-field.ts";
import { ID } from "../../codec/http/header-name.ts";
import { asksForTunnel, type RequestMessage } from "../../codec/http/message.ts";
import type { HttpConnectionManager } from "../../model/listener.ts";
import { CARRIED_TCP } from "../carry/protocol.ts";
import type { Downstream } from "../downstream.ts";
import { isGrpc } from "../grpc/grpc-call.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import {
  BAD_PATH,
  CONNECT_REFUSED,
  normalPathReply,
  OVERLOADED,
  UPGRADE_REFUSED,
  UPGRADE_REQUIRED,
} from "../reply/replies.ts";
import { normalAuthority } from "../route/authority.ts";
import { isNormal, normalizePath } from "../route/path.ts";
import type { RequestHead } from "../route/request-head.ts";
import type { RequestAccount } from "../telemetry/account.ts";
import { prepareRequestHeaders } from "./request-headers.ts";

/**
 * What is done with every parsed head before its route is looked for. Gives the answer to a request
 * that goes no further; overload comes before anything is spent on it (Envoy:
 * stop_accepting_requests).
 */
export function takeRequest(
  head: RequestMessage,
  request: RequestHead,
  down: Downstream,
  account: RequestAccount,
): LocalReply | undefined {
  takeTarget(head, request, down);
  const overloaded = down.hcm.context.overload.refusesRequest();
  const refusal = overloaded ? OVERLOADED : decodeRequest(head, request, down);
  account.grpc = isGrpc(head.headers);
  account.internal = head.headers.has(ID["x-envoy-internal"]);
  if (overloaded) down.hcm.account.http.count("downstream_rq_overload_close");
  return refusal;
}

/** Where the request wants to go, as its head says it: whatever becomes of it, logs show that. */
export function takeTarget(head: RequestMessage, request: RequestHead, down: Downstream): void {
  const { config } = down.hcm;
  request.method = head.method;
  request.authority = stripsHost(config, head)
    ? normalAuthority(head.authority, config, down.localAddress)
    : head.authority;
  request.scheme = down.secure ? "https" : "http";
  request.setPath(head.path);
  // Behind a refused one may stand what was meant for the tunnel: it is no request.
  if (asksForTunnel(head)) down.encoder.keepAlive = false;
}

/**
 * Makes of a parsed head what routes see: the path in normal form, hop-by-hop headers gone, the
 * connection manager's own headers set. Its target has been taken. Gives the answer to a request
 * that goes no further.
 */
export function decodeRequest(
  head: RequestMessage,
  request: RequestHead,
  down: Downstream,
): LocalReply | undefined {
  const { allowedUpgrades, config } = down.hcm;
  const { headers } = head;
  if (head.version === 10 && !config.acceptHttp10) return UPGRADE_REQUIRED;
  if (normalises(config) && !isNormal(head.path)) {
    const reply = takePath(head, request, down);
    if (reply !== undefined) return reply;
  }
  if (head.upgrade !== "" && !allowedUpgrades.has(head.upgrade)) return UPGRADE_REFUSED;
  removeHopByHop(headers);
  if (head.upgrade === "") headers.remove(ID.upgrade);
  else if (!headers.has(ID.upgrade)) headers.set(ID.upgrade, head.upgrade);
  if (carriesTcp(head, down)) return CONNECT_REFUSED;
  // Between sidecars only: apps neither say nor hear how a request was carried.
  headers.remove(ID["x-outrigger-carried"]);
  // The client is asked for its body here; the upstream need not know that it waited.
  headers.remove(ID.expect);
  if (head.form !== "origin" || request.authority !== head.authority) {
    headers.set(ID.host, request.authority);
  }
  prepareRequestHeaders(headers, down);
  return undefined;
}

/** Without its port a CONNECT would lead nowhere. */
function stripsHost(config: HttpConnectionManager, { form }: RequestMessage): boolean {
  return (config.stripPort !== "none" || config.stripTrailingHostDot) && form !== "authority";
}

function normalises(config: HttpConnectionManager): boolean {
  return config.normalizePath || config.mergeSlashes || config.escapedSlashes !== "keep";
}

/** From here on there is one path: routes match it, logs show it, the upstream gets it. */
function takePath(
  { headers, path }: RequestMessage,
  request: RequestHead,
  { hcm }: Downstream,
): LocalReply | undefined {
  const normal = normalizePath(path, hcm.config);
  if (normal !== undefined) request.setPath(normal.path);
  // A gRPC client follows no redirect.
  if (normal === undefined || (normal.redirect && isGrpc(headers))) {
    hcm.account.http.count("downstream_rq_failed_path_normalization");
    return BAD_PATH;
  }
  if (!normal.redirect) return undefined;
  hcm.account.http.count("downstream_rq_redirected_with_normalized_path");
  return normalPathReply(normal.path);
}

/** A TCP connection is for a filter chain with a TCP proxy. Clients' own words do not count. */
function carriesTcp({ headers, method }: RequestMessage, { carrying }: Downstream): boolean {
  if (!carrying || method !== "CONNECT") return false;
  return headers.get(ID["x-outrigger-carried"]) === CARRIED_TCP;
}
