import type { Objection, Refusal } from "./peer/refusal.ts";

/**
 * Why a handshake failed, in the form of Envoy's `%UPSTREAM_TRANSPORT_FAILURE_REASON%`. Its numbers
 * are BoringSSL's: library 16 in the upper byte, the reason below. Alerts have the same reasons in
 * OpenSSL; of the others only those are translated that operators search for.
 */

const LIBRARY = 0x1000_0000;
const CERTIFICATE_VERIFY_FAILED = 125;
const PEER_DID_NOT_RETURN_A_CERTIFICATE = 192;
/** SSL_R_* of alerts that the peer sent: 1000 and the alert's number. */
const ALERTS = 1000;
const ALERT_MAX = 255;

/** OpenSSL's reason by code → BoringSSL's number and name. */
const REASONS: ReadonlyMap<string, readonly [number, string]> = new Map([
  ["ERR_SSL_WRONG_VERSION_NUMBER", [247, "WRONG_VERSION_NUMBER"]],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", [247, "WRONG_VERSION_NUMBER"]],
  ["ERR_SSL_HTTP_REQUEST", [156, "HTTP_REQUEST"]],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", [240, "UNSUPPORTED_PROTOCOL"]],
  ["ERR_SSL_NO_SHARED_CIPHER", [184, "NO_SHARED_CIPHER"]],
]);

/** A failure before the handshake was complete. */
export interface HandshakeFailure {
  /** Undefined: nothing to count, the connection just ended. */
  readonly stat: "connection_error" | Objection["stat"] | undefined;
  readonly reason: string;
  /** Where the other side's certificate was refused: why. */
  readonly refusal?: Refusal;
}

/** The certificate is refused. */
export function refusedCertificate({ details, refusal, stat }: Objection): HandshakeFailure {
  const text = `CERTIFICATE_VERIFY_FAILED:verify cert failed: ${details}`;
  return { stat, refusal, reason: tlsError(CERTIFICATE_VERIFY_FAILED, text) };
}

/** The certificate is refused because its names, or its key, cannot be read. */
export const UNREADABLE: HandshakeFailure = refusedCertificate({
  stat: "fail_verify_error",
  refusal: "unreadable",
  details: "no certificate that can be read",
});

/** A server that must see a certificate was shown none. */
export const NO_CERTIFICATE: HandshakeFailure = {
  stat: "fail_verify_no_cert",
  refusal: "no_certificate",
  reason: tlsError(PEER_DID_NOT_RETURN_A_CERTIFICATE, "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
};

/** What Node throws where the TLS library gives up. */
interface LibraryError extends Error {
  readonly code?: string;
  /** OpenSSL's own words, as `tlsv1 alert unknown ca`. */
  readonly reason?: string;
}

/** A handshake that the library or the network ended. */
export function brokenHandshake(error: LibraryError): HandshakeFailure {
  const { code = "", message } = error;
  if (code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") return NO_CERTIFICATE;
  if (!code.startsWith("ERR_SSL_")) return { stat: undefined, reason: message };
  const [number, name] = REASONS.get(code) ?? alertOf(error) ?? [0, code.slice("ERR_SSL_".length)];
  return { stat: "connection_error", reason: tlsError(number, name) };
}

/** OpenSSL's message holds the reason in the lower half of `error:0A000418`. */
function alertOf({ code = "", message }: LibraryError): readonly [number, string] | undefined {
  const hex = /error:[0-9A-F]{2}([0-9A-F]{6}):/.exec(message)?.[1];
  const number = hex === undefined ? 0 : Number.parseInt(hex, 16);
  if (number < ALERTS || number > ALERTS + ALERT_MAX) return undefined;
  return [number, code.slice("ERR_SSL_".length)];
}

function tlsError(number: number, text: string): string {
  const id = number === 0 ? "" : `${LIBRARY + number}:`;
  return `TLS_error:|${id}SSL routines:OPENSSL_internal:${text}:TLS_error_end`;
}
