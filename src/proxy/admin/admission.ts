import type { IncomingMessage } from "node:http";
import { type AccessToken, isLocalPeer } from "../../base/access-token.ts";

/** Names that no resolver answers with a stranger's address (RFC 6761, section 6.3). */
const LOOPBACK_NAMES = new Set(["localhost", "localhost."]);
const LOOPBACK_ADDRESS = /^127(?:\.\d{1,3}){3}$|^\[::1\]$/;

/** Why a request is not answered. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly reason: string;
}

/**
 * Why a request is not for this server; undefined for a welcome one. Clients of other machines need
 * a token, and without one being configured nobody of them is served. A page in a browser may ask
 * any address for its own site's name (DNS rebinding) and may post anywhere: so without a token the
 * Host header has to name this machine or the address that was connected to, and an Origin always
 * that same host.
 */
export function refusalOf(
  request: IncomingMessage,
  token: AccessToken | undefined,
): Refusal | undefined {
  const { authorization, host, origin } = request.headers;
  const { localAddress, remoteAddress } = request.socket;
  if (origin !== undefined && origin !== `http://${host ?? ""}`) {
    return { status: 403, reason: "Requests of other origins are not served.\n" };
  }
  if (token?.isIn(authorization) === true) return undefined;
  if (!isLocalPeer(remoteAddress, localAddress)) {
    return { status: 401, reason: token === undefined ? NO_TOKEN : "A token is needed.\n" };
  }
  if (host !== undefined && !isOwn(hostnameOf(host), localAddress ?? "")) {
    return { status: 403, reason: `Host ${JSON.stringify(host)} is not this server.\n` };
  }
  return undefined;
}

const NO_TOKEN = "Only this machine is served: no admin token is configured.\n";

/** `localhost:15000` → `localhost`, `[::1]:15000` → `[::1]`; lower case. */
function hostnameOf(host: string): string {
  return host.replace(/:\d*$/, "").toLowerCase();
}

function isOwn(hostname: string, localAddress: string): boolean {
  if (LOOPBACK_NAMES.has(hostname) || LOOPBACK_ADDRESS.test(hostname)) return true;
  const bare = localAddress.replace(/^::ffff:/, "");
  return hostname === bare || hostname === `[${localAddress}]`;
}
