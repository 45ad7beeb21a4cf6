// hot path: no allocation per request
import { removeHopByHop } from "../../codec/h1/connection-field.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { RequestMessage } from "../../codec/http/message.ts";
import { CARRIED_TCP } from "../carry/protocol.ts";
import type { Downstream } from "../downstream.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import { BAD_PATH, CONNECT_REFUSED, UPGRADE_REFUSED, UPGRADE_REQUIRED } from "../reply/replies.ts";
import { normalizePath } from "../route/path.ts";
import type { RequestHead } from "../route/request-head.ts";
import { withoutPort } from "../route/route-table.ts";
import { prepareRequestHeaders } from "./request-headers.ts";

/**
 * Makes of a parsed head what routes see: the path in normal form, hop-by-hop headers gone, the
 * connection manager's own headers set. Gives the answer to a request that goes no further.
 */
export function decodeRequest(
  head: RequestMessage,
  request: RequestHead,
  down: Downstream,
): LocalReply | undefined {
  const { allowedUpgrades, config } = down.hcm;
  const { headers } = head;
  request.method = head.method;
  request.authority = config.stripMatchingPort ? withoutPort(head.authority) : head.authority;
  request.scheme = down.secure ? "https" : "http";
  request.setPath(head.path);
  if (head.version === 10 && !config.acceptHttp10) return UPGRADE_REQUIRED;
  if (head.path !== "" && (config.normalizePath || config.mergeSlashes)) {
    const path = normalizePath(head.path, config.normalizePath, config.mergeSlashes);
    if (path === undefined) return BAD_PATH;
    request.setPath(path);
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
  if (head.form !== "origin" || config.stripMatchingPort) headers.set(ID.host, request.authority);
  prepareRequestHeaders(headers, down);
  return undefined;
}

/** A TCP connection is for a filter chain with a TCP proxy. Clients' own words do not count. */
function carriesTcp({ headers, method }: RequestMessage, { carrying }: Downstream): boolean {
  if (!carrying || method !== "CONNECT") return false;
  return headers.get(ID["x-outrigger-carried"]) === CARRIED_TCP;
}
