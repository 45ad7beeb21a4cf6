const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ENOENT: "No such file or directory",
  ETIMEDOUT: "Connection timed out",
};

/** Envoy's words where the secrets of a cluster's TLS context have not come. */
export const SECRETS_NOT_READY = "TLS error: Secret is not supplied by SDS";

/** Why a connection failed, as Envoy's `%UPSTREAM_TRANSPORT_FAILURE_REASON%` says it. */
export function connectFailure({ code = "", message }: NodeJS.ErrnoException): string {
  const text = TEXTS[code];
  return text === undefined ? message : `delayed connect error: ${text}`;
}

const REFUSED_BY_POLICY = "refused by policy: ";

/** What is sent there would be seen by others, and taken by nobody. `why` names the policies. */
export function policyRefusal(why: string): Error {
  return Object.assign(new Error(`${REFUSED_BY_POLICY}${why}`), { code: "EACCES" });
}

/** Whether a connection was not even tried: a policy of the mesh would not let it through. */
export function isPolicyRefusal(failure: string): boolean {
  return failure.startsWith(REFUSED_BY_POLICY);
}
