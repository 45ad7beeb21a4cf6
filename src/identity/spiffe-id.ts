/** A workload's name (SPIFFE ID specification, section 2). */

const ID_BYTES_MAX = 2048;
const ID = /^spiffe:\/\/[a-z0-9._-]{1,255}((?:\/[A-Za-z0-9._-]+)+)$/;

/**
 * The identity that an X.509-SVID carries: its only URI (X.509-SVID specification, section 2).
 * Undefined where there is none, or more than one, or it is not a SPIFFE ID of a workload.
 */
export function spiffeIdOf(uris: readonly string[]): string | undefined {
  const [uri = "", ...others] = uris;
  if (others.length > 0 || uri.length > ID_BYTES_MAX) return undefined;
  const path = ID.exec(uri)?.[1];
  const dots = path === undefined || path.split("/").some((part) => part === "." || part === "..");
  return dots ? undefined : uri;
}
