import type { InARow } from "./host-record.ts";

/** Why a host is detected, as Envoy's statistics name it. */
export type EjectionKind =
  | "consecutive_5xx"
  | "consecutive_gateway_failure"
  | "consecutive_local_origin_failure"
  | "success_rate"
  | "failure_percentage"
  | "local_origin_success_rate"
  | "local_origin_failure_percentage";

export const KIND_IN_A_ROW: Readonly<Record<InARow, EjectionKind>> = {
  "5xx": "consecutive_5xx",
  gateway: "consecutive_gateway_failure",
  localOrigin: "consecutive_local_origin_failure",
};
