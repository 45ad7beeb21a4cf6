import {
  FLAG_LR,
  FLAG_UC,
  FLAG_UF,
  FLAG_UO,
  FLAG_UPE,
  FLAG_UR,
} from "../telemetry/response-flags.ts";
import { isPolicyRefusal } from "../upstream/connect-failure.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";

/** How a failed attempt is told to the client and to the logs (Envoy: router.cc). */
export interface ResetReport {
  readonly status: 502 | 503;
  readonly flag: number;
}

const REPORTS: Readonly<Record<ResetReason, ResetReport>> = {
  "remote connection failure": { status: 503, flag: FLAG_UF },
  "local connection failure": { status: 503, flag: FLAG_UF },
  "connection timeout": { status: 503, flag: FLAG_UF },
  "connection termination": { status: 503, flag: FLAG_UC },
  "protocol error": { status: 502, flag: FLAG_UPE },
  overflow: { status: 503, flag: FLAG_UO },
  "local reset": { status: 503, flag: FLAG_LR },
  "remote reset": { status: 503, flag: FLAG_UR },
  "remote refused stream reset": { status: 503, flag: FLAG_UR },
};

export function reportOf(reason: ResetReason): ResetReport {
  return REPORTS[reason];
}

/** The body of the answer. What a policy of the mesh forbids is told to whoever asks for it. */
export function resetBody(reason: ResetReason, retried: boolean, failure: string): string {
  const which = retried ? "retried and the latest reset reason" : "reset reason";
  const why = isPolicyRefusal(failure) ? `, transport failure reason: ${failure}` : "";
  return `upstream connect error or disconnect/reset before headers. ${which}: ${reason}${why}`;
}

/** Envoy's response code details. `failure`: why there was no connection; else empty. */
export function resetDetails(reason: ResetReason, failure: string): string {
  const why = failure === "" ? reason : `${reason}|${failure}`;
  return `upstream_reset_before_response_started{${why.replaceAll(" ", "_")}}`;
}

export function isConnectFailure(reason: ResetReason): boolean {
  return reason.endsWith("connection failure") || reason === "connection timeout";
}
