import { parseIp } from "../../../base/ip-address.ts";
import type { Labels } from "../../../model/mesh.ts";
import {
  type AnnotationFault,
  itemsOf,
  PORTS_ALLOWED,
  type PortRange,
  parsePort,
  parsePortRange,
  RANGES_ALLOWED,
  readItems,
} from "./port-list.ts";

export type Selection<T> = "*" | readonly T[];

/** Which of a pod's connections go through its sidecar. */
export interface PodTraffic {
  readonly includeInboundPorts: Selection<number>;
  /** Only where every inbound port is included, as in Istio. */
  readonly excludeInboundPorts: readonly PortRange[];
  /** Intercepted whatever their address. */
  readonly includeOutboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly PortRange[];
  /** CIDR ranges, or single addresses, of both families. */
  readonly includeOutboundRanges: Selection<string>;
  readonly excludeOutboundRanges: readonly string[];
}

export interface PodTrafficReading {
  readonly traffic: PodTraffic;
  readonly faults: readonly AnnotationFault[];
}

const ISTIO = "traffic.sidecar.istio.io/";
const LINKERD = "config.linkerd.io/";
const CIDR_ALLOWED = "addresses and ranges, as 10.0.0.0/8 or fd00::/8";

/**
 * Reads Istio's `traffic.sidecar.istio.io/{include,exclude}{Inbound,Outbound}{Ports,IPRanges}`
 * and Linkerd's `config.linkerd.io/skip-{inbound,outbound}-ports`; a pod may have both.
 */
export function readPodTraffic(annotations: Labels): PodTrafficReading {
  const faults: AnnotationFault[] = [];
  const selected = <T>(name: string, parse: (item: string) => T | undefined, allowed: string) => {
    const text = annotations[ISTIO + name];
    if (text === undefined || itemsOf(text).includes("*")) return "*";
    return readItems(annotations, ISTIO + name, parse, `${allowed}, or *`, faults);
  };
  const ports = (name: string): PortRange[] =>
    readItems(annotations, ISTIO + name, singlePort, PORTS_ALLOWED, faults);
  const skipped = (name: string): PortRange[] =>
    readItems(annotations, LINKERD + name, parsePortRange, RANGES_ALLOWED, faults);
  const traffic: PodTraffic = {
    includeInboundPorts: selected("includeInboundPorts", parsePort, PORTS_ALLOWED),
    excludeInboundPorts: [...ports("excludeInboundPorts"), ...skipped("skip-inbound-ports")],
    includeOutboundPorts: ports("includeOutboundPorts").map(({ first }) => first),
    excludeOutboundPorts: [...ports("excludeOutboundPorts"), ...skipped("skip-outbound-ports")],
    includeOutboundRanges: selected("includeOutboundIPRanges", parseRange, CIDR_ALLOWED),
    excludeOutboundRanges: readItems(
      ...([annotations, `${ISTIO}excludeOutboundIPRanges`, parseRange, CIDR_ALLOWED] as const),
      faults,
    ),
  };
  return { traffic, faults };
}

function singlePort(text: string): PortRange | undefined {
  const port = parsePort(text);
  return port === undefined ? undefined : { first: port, last: port };
}

/** As iptables takes it: an address, or one with the number of its bits that count. */
export function parseRange(text: string): string | undefined {
  const [address = "", bits, ...more] = text.split("/");
  const bytes = parseIp(address);
  if (bytes === undefined || more.length > 0) return undefined;
  if (bits === undefined) return text;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= bytes.length * 8 ? text : undefined;
}
