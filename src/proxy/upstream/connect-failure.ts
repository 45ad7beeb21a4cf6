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
