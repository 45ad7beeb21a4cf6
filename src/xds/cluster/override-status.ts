import type { Cluster_CommonLbConfig as CommonLbConfig } from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import { HealthStatus as Health } from "../../gen/envoy/config/core/v3/health_check_pb.js";
import { ENVOY_BALANCING } from "../../model/balance/balancing.ts";
import type { HealthStatus } from "../../model/endpoint.ts";
import type { Place } from "../check/place.ts";

/** What the model takes for one, Envoy may name by two: they have to come together. */
const CODES: Readonly<Record<HealthStatus, readonly Health[]>> = {
  healthy: [Health.UNKNOWN, Health.HEALTHY],
  unhealthy: [Health.UNHEALTHY, Health.TIMEOUT],
  degraded: [Health.DEGRADED],
  draining: [Health.DRAINING],
};

const STATUSES = Object.keys(CODES) as HealthStatus[];

/** Envoy: CommonLbConfig.override_host_status. */
export function decodeSessionStatuses(
  common: CommonLbConfig | undefined,
  place: Place,
): readonly HealthStatus[] {
  const said = common?.overrideHostStatus?.statuses;
  if (said === undefined) return ENVOY_BALANCING.sessionStatuses;
  for (const codes of Object.values(CODES)) {
    const named = codes.filter((code) => said.includes(code));
    if (named.length === 0 || named.length === codes.length) continue;
    const found = named.map((code) => Health[code]).join(", ");
    const allowed = codes.map((code) => Health[code]).join(" and ");
    place.field("statuses").refuse("name one without the other", found, `${allowed}, or neither`);
  }
  return STATUSES.filter((status) => CODES[status].every((code) => said.includes(code)));
}

/** The field of `common_lb_config`, or none where it is Envoy's default. */
export function encodeSessionStatuses(statuses: readonly HealthStatus[]): {
  overrideHostStatus?: { statuses: Health[] };
} {
  const usual = ENVOY_BALANCING.sessionStatuses;
  const isUsual = statuses.length === usual.length && usual.every((one) => statuses.includes(one));
  if (isUsual) return {};
  return { overrideHostStatus: { statuses: statuses.flatMap((status) => CODES[status]) } };
}
