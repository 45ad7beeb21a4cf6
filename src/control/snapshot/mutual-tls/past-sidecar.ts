import {
  type PodTraffic,
  readPodTraffic,
} from "../../../dialects/kubernetes/annotations/pod-traffic.ts";
import type { Pod } from "../../../model/mesh.ts";

const TRAFFIC = new WeakMap<Pod, PodTraffic>();

/**
 * Whether annotations let connections to a port past the pod's sidecar: nobody is there to speak
 * TLS, and no policy holds. In explicit mode nothing is intercepted: the sidecar is at the port.
 */
export function isPastSidecar(pod: Pod, port: number): boolean {
  if (pod.appSockets !== undefined) return false;
  const traffic = TRAFFIC.get(pod) ?? readPodTraffic(pod.annotations).traffic;
  TRAFFIC.set(pod, traffic);
  const { excludeInboundPorts: excluded, includeInboundPorts: included } = traffic;
  if (included !== "*") return !included.includes(port);
  return excluded.some(({ first, last }) => port >= first && port <= last);
}
