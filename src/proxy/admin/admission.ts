import type { IncomingMessage } from "node:http";

/** Names that no resolver answers with a stranger's address (RFC 6761, section 6.3). */
const LOOPBACK_NAMES = new Set(["localhost", "localhost."]);
const LOOPBACK_ADDRESS = /^127(?:\.\d{1,3}){3}$|^\[::1\]$/;

/**
 * Why a request is not for this server; undefined for a welcome one. A page in a browser may ask
 * any address for its own site's name (DNS rebinding) and may post anywhere: so the Host header
 * has to name this machine or the address that was connected to, and an Origin that same host.
 */
export function refusalOf(request: IncomingMessage): string | undefined {
  const { host, origin } = request.headers;
  if (host !== undefined && !isOwn(hostnameOf(host), request.socket.localAddress ?? "")) {
    return `Host ${JSON.stringify(host)} is not this server.\n`;
  }
  if (origin !== undefined && origin !== `http://${host ?? ""}`) {
    return "Requests of other origins are not served.\n";
  }
  return undefined;
}

/** `localhost:15000` → `localhost`, `[::1]:15000` → `[::1]`; lower case. */
function hostnameOf(host: string): string {
  return host.replace(/:\d*$/, "").toLowerCase();
}

function isOwn(hostname: string, localAddress: string): boolean {
  if (LOOPBACK_NAMES.has(hostname) || LOOPBACK_ADDRESS.test(hostname)) return true;
  const bare = localAddress.replace(/^::ffff:/, "");
  return hostname === bare || hostname === `[${localAddress}]`;
}
