import type { Diagnostic } from "../../base/diagnostic.ts";
import type { HttpRouteSet, SplitAction } from "../http-route-set.ts";
import type { Mesh, Service } from "../mesh.ts";
import { subjectOf } from "../origin.ts";
import type { ServiceTraffic } from "../resilience/service-traffic.ts";
import { hostMatches } from "./host.ts";
import type { RouteDecision } from "./route.ts";

const NOTHING: ServiceTraffic = {
  failureAccrual: undefined,
  failurePenalty: undefined,
  retries: undefined,
  timeouts: undefined,
};

/**
 * What holds of a service's own wishes where this routing holds: nothing beside a ServiceProfile
 * (as with Linkerd), the way its endpoints are judged beside other dialects' routing, and all
 * beside none and the Gateway API's.
 */
export function trafficOf(service: Service, decision: RouteDecision | undefined): ServiceTraffic {
  const traffic = service.traffic ?? NOTHING;
  const dialect = decision?.sets[0]?.dialect;
  if (dialect === undefined || dialect === "gateway-api") return traffic;
  if (dialect === "linkerd") return NOTHING;
  const { failureAccrual, failurePenalty } = traffic;
  return { ...NOTHING, failureAccrual, failurePenalty };
}

/** An action of the service's routing; what it leaves out is as the service wishes. */
export function withServiceTraffic(action: SplitAction, traffic: ServiceTraffic): SplitAction {
  const { retries, timeouts } = traffic;
  const own = [action.timeoutMs, action.streamTimeoutMs, action.idleTimeoutMs];
  const silent = own.every((timeoutMs) => timeoutMs === undefined);
  return {
    ...action,
    retries: action.retries ?? retries,
    ...(silent && timeouts !== undefined
      ? {
          timeoutMs: timeouts.responseMs,
          streamTimeoutMs: timeouts.streamMs,
          idleTimeoutMs: timeouts.idleMs,
        }
      : {}),
  };
}

/**
 * Services whose annotations some routing silences, once for each (OUT0313): users of Linkerd ask
 * why theirs have no effect.
 */
export function silencedTraffic(mesh: Pick<Mesh, "services" | "routes">): Diagnostic[] {
  return mesh.services.flatMap((service) => {
    const { traffic } = service;
    if (traffic === undefined) return [];
    if (service.headless && traffic.failureAccrual !== undefined) return [headless(service)];
    const sets = mesh.routes.filter((set) =>
      set.hosts.some((pattern) => hostMatches(pattern, service.host)),
    );
    const silencer = sets.find((set) => lostTo(set, traffic) !== "");
    return silencer === undefined ? [] : [finding(service, silencer, lostTo(silencer, traffic))];
  });
}

function headless({ origin }: Service): Diagnostic {
  return {
    code: "OUT0313",
    severity: "warning",
    message: "Requests to a headless Service go to the pod that the client chose, judged by nobody",
    position: origin.position,
    subject: subjectOf(origin),
    path: "metadata.annotations",
    hint: "failure accrual is for Services with a cluster IP",
  };
}

function lostTo({ dialect }: HttpRouteSet, traffic: ServiceTraffic): string {
  if (dialect === "gateway-api") return "";
  const lost = [
    traffic.retries === undefined ? [] : "retries",
    traffic.timeouts === undefined ? [] : "timeouts",
    traffic.failureAccrual === undefined || dialect !== "linkerd" ? [] : "failure accrual",
  ];
  return lost.flat().join(", ");
}

function finding(service: Service, silencer: HttpRouteSet, lost: string): Diagnostic {
  const { file, line } = silencer.origin.position;
  const by = `${subjectOf(silencer.origin)} (${file}:${line})`;
  return {
    code: "OUT0313",
    severity: "warning",
    message: `${by} routes ${service.host}, so annotations of the Service do not count: ${lost}`,
    position: service.origin.position,
    subject: subjectOf(service.origin),
    path: "metadata.annotations",
    hint: "say it in the routing that holds, or remove that",
  };
}
