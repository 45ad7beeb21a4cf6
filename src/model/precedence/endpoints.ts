import { localityOf, parseLocality } from "../balance/locality.ts";
import type { Locality } from "../endpoint.ts";
import { type Labels, matchesLabels, type Pod, type Service, type ServicePort } from "../mesh.ts";

/** One address that serves a service's port: a ready pod, or an address that YAML lists. */
export interface ServiceEndpoint {
  /** An IP address, or a DNS name where the service's resolution is DNS. */
  readonly address: string;
  readonly port: number;
  readonly labels: Labels;
  readonly locality: Locality;
  /** At least 1. */
  readonly weight: number;
  readonly serviceAccount: string;
  /** Undefined for listed addresses. */
  readonly pod: Pod | undefined;
}

const ANY_POD: Labels = {};

/**
 * The endpoints of a service's port, in the order of the pods: ready pods of its namespace that
 * carry the selector's labels (and the subset's), plus the addresses that it lists. A pod that has
 * no port of the wanted name is none, as in Kubernetes.
 */
export function endpointsOf(
  service: Service,
  port: ServicePort,
  pods: readonly Pod[],
  subset: Labels = ANY_POD,
): ServiceEndpoint[] {
  const listed = service.endpoints
    .filter((endpoint) => matchesLabels(endpoint.labels, subset))
    .map(({ ports, locality, ...rest }): ServiceEndpoint => {
      const number = ports[port.name] ?? numericTarget(port);
      const place = locality === undefined ? localityOf(rest.labels) : parseLocality(locality);
      return { ...rest, port: number, locality: place, pod: undefined };
    });
  const selected = podsOf(service, pods).filter(
    (pod) => pod.ready && matchesLabels(pod.labels, subset),
  );
  return [...listed, ...selected.flatMap((pod) => podEndpoint(pod, port) ?? [])];
}

/** What a selector looks at. */
type Selectable = Pick<Pod, "namespace" | "labels">;

/** Pods of the service's namespace that its selector selects, ready or not. */
export function podsOf<P extends Selectable>(
  service: Pick<Service, "namespace" | "selector">,
  pods: readonly P[],
): readonly P[] {
  const { selector, namespace } = service;
  if (selector === undefined) return [];
  const near = podsNear(namespace, selector, pods);
  return near.filter((pod) => pod.namespace === namespace && matchesLabels(pod.labels, selector));
}

/** Fewer pods than this are looked through faster than an index of them is made. */
const INDEXED_MIN = 32;

const INDEXES = new WeakMap<readonly Selectable[], ReadonlyMap<string, readonly Selectable[]>>();

/** Those that carry the first label of the selector: a mesh asks for the pods of each service. */
function podsNear<P extends Selectable>(
  namespace: string,
  selector: Labels,
  pods: readonly P[],
): readonly P[] {
  const [label] = Object.entries(selector);
  if (label === undefined || pods.length < INDEXED_MIN) return pods;
  const index = INDEXES.get(pods) ?? indexOf(pods);
  INDEXES.set(pods, index);
  // The index of an array holds the array's own elements.
  return (index.get(keyOf(namespace, ...label)) ?? []) as readonly P[];
}

function indexOf(pods: readonly Selectable[]): ReadonlyMap<string, readonly Selectable[]> {
  const index = new Map<string, Selectable[]>();
  for (const pod of pods) {
    for (const [name, value] of Object.entries(pod.labels)) {
      const key = keyOf(pod.namespace, name, value);
      const known = index.get(key);
      if (known === undefined) index.set(key, [pod]);
      else known.push(pod);
    }
  }
  return index;
}

function keyOf(namespace: string, name: string, value: string): string {
  return `${namespace} ${name}=${value}`;
}

/** The pod's port behind a service port; undefined where a named one is not there. */
export function targetPortOf(pod: Pick<Pod, "containers">, port: ServicePort): number | undefined {
  if (typeof port.targetPort === "number") return port.targetPort;
  const transport = port.protocol === "udp" ? "UDP" : "TCP";
  return pod.containers
    .flatMap((container) => container.ports)
    .find(({ name, protocol }) => name === port.targetPort && protocol === transport)?.port;
}

function podEndpoint(pod: Pod, port: ServicePort): ServiceEndpoint | undefined {
  const number = targetPortOf(pod, port);
  if (number === undefined) return undefined;
  const { address, labels, serviceAccount } = pod;
  const locality = localityOf(labels);
  return { address, port: number, labels, locality, weight: 1, serviceAccount, pod };
}

/** Listed addresses have no containers, so that a name there means the service's own port. */
function numericTarget(port: ServicePort): number {
  return typeof port.targetPort === "number" ? port.targetPort : port.port;
}
