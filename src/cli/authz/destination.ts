import type { World } from "../../control/snapshot.ts";
import type { Pod, Service, ServicePort } from "../../model/mesh.ts";
import { podsOf, targetPortOf } from "../../model/precedence/endpoints.ts";
import type { Question } from "./question.ts";

/** Where a question leads to: a port of the service, and of each pod behind it. */
export interface Destination {
  readonly service: Service;
  readonly servicePort: ServicePort;
  readonly pod: Pod;
  /** The container's. */
  readonly port: number;
}

/** Every pod and port that the question is about; a text says why there is none. */
export function destinationsOf(world: World, question: Question): readonly Destination[] | string {
  const service = serviceOf(world, question);
  if (typeof service === "string") return service;
  const carried = service.ports.filter(({ protocol }) => protocol !== "udp");
  const ports = carried.filter(({ port }) => question.port === undefined || port === question.port);
  if (ports.length === 0) {
    const there = carried.map(({ port }) => port).join(", ");
    return `${service.host} has no port ${question.port}; it has ${there || "none"}`;
  }
  const found = podsOf(service, world.pods).flatMap((pod) =>
    ports.flatMap((servicePort) => {
      const port = targetPortOf(pod, servicePort);
      return port === undefined ? [] : [{ service, servicePort, pod, port }];
    }),
  );
  return found.length > 0 ? found : `${service.host} has no pods: nothing decides about it here`;
}

/** By its short names, too: the caller's namespace first, then any that has the only one. */
function serviceOf({ mesh }: World, { caller, service: name }: Question): Service | string {
  const wanted = name.toLowerCase();
  const named = mesh.services.filter(
    (service) =>
      service.host === wanted ||
      service.name === wanted ||
      service.host.startsWith(`${wanted}.`) ||
      `${service.namespace}/${service.name}` === wanted,
  );
  const [first, ...others] = named;
  if (first === undefined) {
    const hosts = mesh.services.map(({ host }) => host).join(", ");
    return `there is no service ${name}; there are ${hosts || "none"}`;
  }
  const own = named.find(({ namespace }) => namespace === caller?.namespace);
  if (own !== undefined || others.length === 0) return own ?? first;
  return `${name} may be ${named.map(({ host }) => host).join(" or ")}: which one?`;
}
