import {
  isOpaque,
  type OpaquePorts,
  readOpaquePorts,
} from "../../../dialects/kubernetes/annotations/opaque-ports.ts";
import type { Pod, Service, ServicePort } from "../../../model/mesh.ts";
import { podsOf, targetPortOf } from "../../../model/precedence/endpoints.ts";
import { type Carriage, carriageOf } from "../service-view.ts";

/** A port that the pod serves, for the first service (by host) that leads to it. */
export interface InboundPort {
  readonly port: number;
  readonly carriage: Carriage;
  readonly service: Service | undefined;
  readonly servicePort: ServicePort | undefined;
}

/**
 * The ports that services lead to and the ones that containers declare. Where services disagree
 * about a port's protocol, the first one holds (Istio: the oldest); what the pod's annotation
 * makes opaque is TCP whatever they say.
 */
export function inboundPorts(pod: Pod, services: readonly Service[]): readonly InboundPort[] {
  const byPort = new Map<number, InboundPort>();
  for (const inbound of [...servedPorts(pod, services), ...declaredPorts(pod)]) {
    if (!byPort.has(inbound.port)) byPort.set(inbound.port, inbound);
  }
  const opaque = readOpaquePorts(pod.annotations);
  return [...byPort.values()]
    .map((inbound) => asTcp(inbound, opaque))
    .sort((left, right) => left.port - right.port);
}

function asTcp(inbound: InboundPort, opaque: OpaquePorts): InboundPort {
  return isOpaque(opaque, inbound.port) ? { ...inbound, carriage: "tcp" } : inbound;
}

function servedPorts(pod: Pod, services: readonly Service[]): readonly InboundPort[] {
  return services
    .filter((service) => podsOf(service, [pod]).length > 0)
    .flatMap((service) => service.ports.flatMap((port) => servedPort(pod, service, port)));
}

function servedPort(pod: Pod, service: Service, servicePort: ServicePort): readonly InboundPort[] {
  const port = targetPortOf(pod, servicePort);
  const carriage = carriageOf(servicePort);
  if (port === undefined || carriage === undefined) return [];
  return [{ port, carriage, service, servicePort }];
}

function declaredPorts(pod: Pod): readonly InboundPort[] {
  return pod.containers
    .flatMap((container) => container.ports)
    .filter((declared) => declared.protocol === "TCP")
    .map(({ port }) => ({
      port,
      carriage: "sniffed",
      service: undefined,
      servicePort: undefined,
    }));
}
