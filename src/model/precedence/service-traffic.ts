import type { Diagnostic } from "../../base/diagnostic.ts";
import type { HttpRouteSet, SplitAction } from "../http-route-set.ts";
import type { Mesh, PortProtocol, Service } from "../mesh.ts";
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

/** What no request is seen of. */
const OPAQUE: ReadonlySet<PortProtocol> = new Set(["https", "tls", "tcp", "udp"]);

/**
 * Services whose annotations some routing, or what they are, silences (OUT0313): users of Linkerd
 * ask why theirs have no effect.
 */
export function silencedTraffic(mesh: Pick<Mesh, "services" | "routes">): Diagnostic[] {
  return mesh.services.flatMap((service) => {
    const { traffic } = service;
    if (traffic === undefined) return [];
    if (service.ports.length === 0) return [portless(service, traffic)];
    const found = [...unjudged(service, traffic), ...unseen(service, traffic)];
    const sets = mesh.routes.filter((set) =>
      set.hosts.some((pattern) => hostMatches(pattern, service.host)),
    );
    const silencer = sets.find((set) => lostTo(set, traffic) !== "");
    if (silencer !== undefined) found.push(lostBy(service, silencer, lostTo(silencer, traffic)));
    return found;
  });
}

/** Nobody chooses endpoints for a headless Service's clients. */
function unjudged(service: Service, traffic: ServiceTraffic): Diagnostic[] {
  const lost = judgements(traffic);
  if (!service.headless || lost.length === 0) return [];
  const message =
    "Requests to a headless Service go to the pod that the client chose, judged by nobody";
  const are = lost.length === 1 && traffic.failureAccrual !== undefined ? "is" : "are";
  return [finding(service, message, `${lost.join(" and ")} ${are} for Services with a cluster IP`)];
}

/** Of connections nobody knows the requests. */
function unseen(service: Service, traffic: ServiceTraffic): Diagnostic[] {
  const lost = wishes(traffic);
  if (lost.length === 0 || service.ports.some(({ protocol }) => !OPAQUE.has(protocol))) return [];
  const why = "All ports of the Service are TCP, so annotations of it do not count";
  return [
    finding(
      service,
      `${why}: ${lost.join(", ")}`,
      "name a port http, or give it appProtocol: http",
    ),
  ];
}

function portless(service: Service, traffic: ServiceTraffic): Diagnostic {
  const lost = [...wishes(traffic), ...judgements(traffic)].join(", ");
  const message = `The Service has no ports, so annotations of it do not count: ${lost}`;
  return finding(service, message, "list the ports that its clients call");
}

function lostTo({ dialect }: HttpRouteSet, traffic: ServiceTraffic): string {
  if (dialect === "gateway-api") return "";
  const judged = dialect === "linkerd" ? judgements(traffic) : [];
  return [...wishes(traffic), ...judged].join(", ");
}

function wishes({ retries, timeouts }: ServiceTraffic): string[] {
  return [retries === undefined ? [] : "retries", timeouts === undefined ? [] : "timeouts"].flat();
}

function judgements({ failureAccrual, failurePenalty }: ServiceTraffic): string[] {
  return [
    failureAccrual === undefined ? [] : "failure accrual",
    failurePenalty === undefined ? [] : "penalties for failures",
  ].flat();
}

function lostBy(service: Service, silencer: HttpRouteSet, lost: string): Diagnostic {
  const { file, line } = silencer.origin.position;
  const by = `${subjectOf(silencer.origin)} (${file}:${line})`;
  const why = `${by} routes ${service.host}, so annotations of the Service do not count`;
  return finding(service, `${why}: ${lost}`, "say it in the routing that holds, or remove that");
}

function finding({ origin }: Service, message: string, hint: string): Diagnostic {
  return {
    code: "OUT0313",
    severity: "warning",
    message,
    position: origin.position,
    subject: subjectOf(origin),
    path: "metadata.annotations",
    hint,
  };
}
