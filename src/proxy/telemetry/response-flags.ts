// hot path: no allocation per request

/**
 * Envoy's response flags as bits, so that a request carries them in one number
 * (Envoy: envoy/stream_info/stream_info.h, CoreResponseFlag). Envoy prints flags in the order in
 * which they were raised; the retry limit is known before the failure itself, so URX comes first.
 */
export const FLAG_URX: number = 1 << 0;
export const FLAG_LH: number = 1 << 1;
export const FLAG_UH: number = 1 << 2;
export const FLAG_UT: number = 1 << 3;
export const FLAG_LR: number = 1 << 4;
export const FLAG_UR: number = 1 << 5;
export const FLAG_UF: number = 1 << 6;
export const FLAG_UC: number = 1 << 7;
export const FLAG_UO: number = 1 << 8;
export const FLAG_NR: number = 1 << 9;
export const FLAG_DI: number = 1 << 10;
export const FLAG_FI: number = 1 << 11;
export const FLAG_RL: number = 1 << 12;
export const FLAG_UAEX: number = 1 << 13;
export const FLAG_RLSE: number = 1 << 14;
export const FLAG_DC: number = 1 << 15;
export const FLAG_SI: number = 1 << 16;
export const FLAG_IH: number = 1 << 17;
export const FLAG_DPE: number = 1 << 18;
export const FLAG_UMSDR: number = 1 << 19;
export const FLAG_DT: number = 1 << 20;
export const FLAG_UPE: number = 1 << 21;
export const FLAG_NC: number = 1 << 22;
export const FLAG_OM: number = 1 << 23;
export const FLAG_DR: number = 1 << 25;
/** URX of a TCP proxy, which gives up after the failure, and so is printed behind it. */
export const FLAG_URX_AFTER: number = 1 << 24;

export interface ResponseFlag {
  readonly bit: number;
  readonly short: string;
  readonly long: string;
  readonly meaning: string;
}

/** The one table: metrics, access logs and documentation read it. */
export const RESPONSE_FLAGS: readonly ResponseFlag[] = [
  // A delay comes before whatever becomes of the request.
  flag(FLAG_DI, "DI", "DelayInjected", "A fault filter delayed the request."),
  flag(FLAG_URX, "URX", "UpstreamRetryLimitExceeded", "The retries are used up."),
  // Where no retry is allowed, that is known before the failure too.
  flag(FLAG_UO, "UO", "UpstreamOverflow", "A limit (circuit_breakers) refused the request."),
  flag(FLAG_LH, "LH", "FailedLocalHealthCheck", "The local service failed its health check."),
  flag(FLAG_UH, "UH", "NoHealthyUpstream", "The cluster has no healthy host."),
  flag(FLAG_UT, "UT", "UpstreamRequestTimeout", "The upstream host did not answer in time."),
  flag(FLAG_LR, "LR", "LocalReset", "This proxy reset the connection."),
  flag(FLAG_UR, "UR", "UpstreamRemoteReset", "The upstream host reset the connection."),
  flag(FLAG_UF, "UF", "UpstreamConnectionFailure", "No connection to the upstream host."),
  flag(FLAG_UC, "UC", "UpstreamConnectionTermination", "The upstream connection ended early."),
  flag(FLAG_NR, "NR", "NoRouteFound", "No route or filter chain matched."),
  flag(FLAG_FI, "FI", "FaultInjected", "A fault filter answered."),
  flag(FLAG_RL, "RL", "RateLimited", "A rate limit refused the request."),
  flag(FLAG_UAEX, "UAEX", "UnauthorizedExternalService", "External authorization refused it."),
  flag(FLAG_RLSE, "RLSE", "RateLimitServiceError", "The rate limit service failed."),
  flag(FLAG_DC, "DC", "DownstreamConnectionTermination", "The client went away."),
  flag(FLAG_DR, "DR", "DownstreamRemoteReset", "The client reset the stream."),
  flag(FLAG_SI, "SI", "StreamIdleTimeout", "Nothing moved for the stream's idle timeout."),
  flag(FLAG_IH, "IH", "InvalidEnvoyRequestHeaders", "An x-envoy header was refused."),
  flag(FLAG_DPE, "DPE", "DownstreamProtocolError", "The client broke the protocol."),
  flag(
    FLAG_UMSDR,
    "UMSDR",
    "UpstreamMaxStreamDurationReached",
    "The upstream request took longer than its maximum duration.",
  ),
  flag(FLAG_DT, "DT", "DurationTimeout", "The request took longer than its maximum duration."),
  flag(FLAG_UPE, "UPE", "UpstreamProtocolError", "The upstream host broke the protocol."),
  flag(FLAG_NC, "NC", "NoClusterFound", "The route names a cluster that does not exist."),
  flag(FLAG_OM, "OM", "OverloadManagerTerminated", "The overload manager refused the request."),
  flag(FLAG_URX_AFTER, "URX", "UpstreamRetryLimitExceeded", "No attempt to connect is left."),
];

const interned = new Map<number, number>([[0, 0]]);
const texts: string[] = ["-"];

/** A small number for a set of flags: 0 for none. The sets in use are few, so it stays small. */
export function flagsIndex(flags: number): number {
  return flags === 0 ? 0 : (interned.get(flags) ?? intern(flags));
}

/** `URX,UF` as Envoy's `%RESPONSE_FLAGS%`; `-` without flags. */
export function formatFlags(flags: number): string {
  return texts[flagsIndex(flags)] ?? "-";
}

/** As Envoy's `%RESPONSE_FLAGS_LONG%`. */
export function formatFlagsLong(flags: number): string {
  let text = "";
  for (const { bit, long } of RESPONSE_FLAGS) {
    if ((flags & bit) !== 0) text += text === "" ? long : `,${long}`;
  }
  return text === "" ? "-" : text;
}

function intern(flags: number): number {
  let text = "";
  for (const { bit, short } of RESPONSE_FLAGS) {
    if ((flags & bit) !== 0) text += text === "" ? short : `,${short}`;
  }
  const index = texts.length;
  texts.push(text === "" ? "-" : text);
  interned.set(flags, index);
  return index;
}

function flag(bit: number, short: string, long: string, meaning: string): ResponseFlag {
  return { bit, short, long, meaning };
}
