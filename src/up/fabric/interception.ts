import {
  type PodTraffic,
  readPodTraffic,
} from "../../dialects/kubernetes/annotations/pod-traffic.ts";
import type { Labels } from "../../model/mesh.ts";
import { TELEMETRY_PORTS } from "./rules.ts";

/**
 * What is intercepted in a pod with these annotations, besides what never is: metrics and health,
 * and `gateways`, the addresses of the control plane, console and DNS. What cannot be read in
 * annotations was refused where they were read.
 */
export function podInterception(annotations: Labels, gateways: readonly string[]): PodTraffic {
  const { traffic } = readPodTraffic(annotations);
  const telemetry = TELEMETRY_PORTS.map((port) => ({ first: port, last: port }));
  return {
    ...traffic,
    excludeInboundPorts: [...telemetry, ...traffic.excludeInboundPorts],
    excludeOutboundPorts: [...telemetry, ...traffic.excludeOutboundPorts],
    excludeOutboundRanges: [...gateways, ...traffic.excludeOutboundRanges],
  };
}
