import type { Clock } from "../../base/clock.ts";
import type { Detector, Suspect } from "./detector.ts";
import type { EjectionKind } from "./ejection-kind.ts";
import type { ErrorOrigin } from "./host-record.ts";

/** Envoy: data.cluster.v3.OutlierEjectionType. */
const TYPES: Readonly<Record<EjectionKind, string>> = {
  consecutive_5xx: "CONSECUTIVE_5XX",
  consecutive_gateway_failure: "CONSECUTIVE_GATEWAY_FAILURE",
  consecutive_local_origin_failure: "CONSECUTIVE_LOCAL_ORIGIN_FAILURE",
  success_rate: "SUCCESS_RATE",
  failure_percentage: "FAILURE_PERCENTAGE",
  local_origin_success_rate: "SUCCESS_RATE_LOCAL_ORIGIN",
  local_origin_failure_percentage: "FAILURE_PERCENTAGE_LOCAL_ORIGIN",
};

export interface EventContext {
  readonly clusterName: string;
  readonly detector: Detector;
  readonly clock: Clock;
}

/** A host has gone, or would have: as JSON (Envoy: data.cluster.v3.OutlierDetectionEvent). */
export function ejectEvent(
  suspect: Suspect,
  kind: EjectionKind,
  enforced: boolean,
  context: EventContext,
): string {
  return JSON.stringify({
    type: TYPES[kind],
    ...common(suspect, suspect.ejection.returnedAtMs, context),
    action: "EJECT",
    enforced,
    ...why(suspect, kind, context.detector),
  });
}

/** A host has come back. */
export function unejectEvent(suspect: Suspect, context: EventContext): string {
  return JSON.stringify({
    type: TYPES.consecutive_5xx,
    ...common(suspect, suspect.ejection.ejectedAtMs, context),
    action: "UNEJECT",
    enforced: false,
  });
}

function common(
  { address, ejection }: Suspect,
  lastMs: number | undefined,
  { clusterName, clock }: EventContext,
): object {
  const seconds = lastMs === undefined ? undefined : Math.floor((clock.now() - lastMs) / 1000);
  return {
    timestamp: new Date(clock.wall()).toISOString(),
    ...(seconds === undefined ? {} : { secs_since_last_action: `${seconds}` }),
    cluster_name: clusterName,
    upstream_url: address,
    num_ejections: ejection.count,
  };
}

function why({ rates }: Suspect, kind: EjectionKind, { thresholds }: Detector): object {
  const origin: ErrorOrigin = kind.startsWith("local_origin") ? "localOrigin" : "external";
  const host_success_rate = Math.trunc(rates[origin]);
  if (kind.endsWith("success_rate")) {
    const { mean, threshold } = thresholds[origin];
    return {
      eject_success_rate_event: {
        host_success_rate,
        cluster_average_success_rate: Math.trunc(mean),
        cluster_success_rate_ejection_threshold: Math.trunc(threshold),
      },
    };
  }
  if (kind.endsWith("failure_percentage")) {
    return { eject_failure_percentage_event: { host_success_rate } };
  }
  return { eject_consecutive_event: {} };
}
