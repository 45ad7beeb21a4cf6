import type { Labels, Namespace, ServicePort } from "../../../model/mesh.ts";
import {
  type AnnotationFault,
  type PortRange,
  parsePortRange,
  RANGES_ALLOWED,
  readItems,
} from "./port-list.ts";

/**
 * Linkerd's annotation of Services, pods and namespaces: at these ports nothing is looked for in
 * the bytes, so that a server may speak first.
 */
export const OPAQUE_PORTS = "config.linkerd.io/opaque-ports";

export interface OpaquePorts {
  readonly ranges: readonly PortRange[];
  readonly faults: readonly AnnotationFault[];
}

export function readOpaquePorts(annotations: Labels): OpaquePorts {
  const faults: AnnotationFault[] = [];
  const ranges = readItems(annotations, OPAQUE_PORTS, parsePortRange, RANGES_ALLOWED, faults);
  return { ranges, faults };
}

export function isOpaque({ ranges }: OpaquePorts, port: number): boolean {
  return ranges.some(({ first, last }) => first <= port && port <= last);
}

/** A port with the protocol that the annotation makes of it. */
export function opaquePort(port: ServicePort, opaque: OpaquePorts): ServicePort {
  if (port.protocol === "udp" || !isOpaque(opaque, port.port)) return port;
  return { ...port, protocol: "tcp" };
}

/** An object's annotations with what its namespace says of ports, where it says nothing itself. */
export function withNamespaces(
  annotations: Labels,
  namespace: string,
  namespaces: readonly Namespace[],
): Labels {
  if (annotations[OPAQUE_PORTS] !== undefined) return annotations;
  const home = namespaces.find(({ name }) => name === namespace);
  const inherited = home?.annotations[OPAQUE_PORTS];
  return inherited === undefined ? annotations : { ...annotations, [OPAQUE_PORTS]: inherited };
}
