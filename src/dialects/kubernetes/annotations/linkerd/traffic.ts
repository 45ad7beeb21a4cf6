import type { SplitAction } from "../../../../model/http-route-set.ts";
import type { Labels } from "../../../../model/mesh.ts";
import type {
  ServiceTraffic,
  TimeoutSettings,
} from "../../../../model/resilience/service-traffic.ts";
import type { Fields } from "../../fields.ts";
import { AnnotationReader } from "./annotation-reader.ts";
import { BALANCER_NAMES, BALANCER_PREFIXES, readFailureAccrual } from "./failure-accrual.ts";
import { BIASER_NAMES, readFailurePenalty } from "./load-biaser.ts";
import { type AnnotatedKind, RETRY_NAMES, RETRY_PREFIX, readRetries } from "./retries.ts";
import { readTimeouts, TIMEOUT_NAMES, TIMEOUT_PREFIX } from "./timeouts.ts";

type Report = Pick<Fields<string>, "problemAt">;

const PREFIXES = [RETRY_PREFIX, TIMEOUT_PREFIX, ...BALANCER_PREFIXES];
const OF_SERVICES = [...BALANCER_NAMES, ...BIASER_NAMES];
const NAMES = [...RETRY_NAMES, ...TIMEOUT_NAMES, ...OF_SERVICES];

/** What Linkerd's annotations of a Service say; undefined where there are none. */
export function readServiceTraffic(
  annotations: Labels,
  report: Report,
): ServiceTraffic | undefined {
  const reader = new AnnotationReader(annotations, report);
  reader.reportUnknown(PREFIXES, NAMES);
  const failureAccrual = readFailureAccrual(reader);
  const failurePenalty = readFailurePenalty(reader);
  const retries = readRetries(reader, "Service");
  const timeouts = readTimeouts(reader);
  const traffic = { failureAccrual, failurePenalty, retries, timeouts };
  const isEmpty = Object.values(traffic).every((part) => part === undefined);
  return isEmpty ? undefined : traffic;
}

/** The part of them that a route may have too, and then has in the place of its Service's. */
export type RouteTraffic = Pick<ServiceTraffic, "retries" | "timeouts">;

/** Of an HTTPRoute or GRPCRoute. */
export function readRouteTraffic(
  annotations: Labels,
  kind: Exclude<AnnotatedKind, "Service">,
  report: Report,
): RouteTraffic {
  const reader = new AnnotationReader(annotations, report);
  reader.reportUnknown(PREFIXES, NAMES);
  for (const name of OF_SERVICES) {
    if (reader.has(name)) reader.notExecuted(name, `${name} belongs on the Service`);
  }
  return { retries: readRetries(reader, kind), timeouts: readTimeouts(reader) };
}

/** An action with what the annotations of its route say, which is stronger than its own fields. */
export function withTraffic(action: SplitAction, { retries, timeouts }: RouteTraffic): SplitAction {
  return {
    ...action,
    ...(retries === undefined ? {} : { retries }),
    ...(timeouts === undefined ? {} : timeoutsOf(timeouts)),
  };
}

function timeoutsOf({
  responseMs,
  streamMs,
  idleMs,
}: TimeoutSettings): Pick<SplitAction, "timeoutMs" | "streamTimeoutMs" | "idleTimeoutMs"> {
  return { timeoutMs: responseMs, streamTimeoutMs: streamMs, idleTimeoutMs: idleMs };
}
