import type { PodTraffic } from "../../dialects/kubernetes/annotations/pod-traffic.ts";
import type { PortRange } from "../../dialects/kubernetes/annotations/port-list.ts";

/**
 * The interception rules of one pod, as istio-init writes them (Istio: tools/istio-iptables):
 * what comes in goes to the sidecar's 15006, what goes out to its 15001, and the sidecar's own
 * connections, known by their uid and gid, go free.
 */

/** The sidecar's user and group, by which its own connections are told from the app's. */
export const SIDECAR_UID = 1337;

const DNS_PORT = 53;
const OUTBOUND_PORT = 15001;
const INBOUND_PORT = 15006;
/** Istio's HBONE port: already a tunnel, never redirected again. */
const TUNNEL_PORT = 15008;
export type Family = "ipv4" | "ipv6";

interface FamilyAddresses {
  readonly localhost: string;
  /** Connections that the inbound listener makes to its app come from here (Envoy's bind). */
  readonly inboundSource: string;
  /** The number of bits of a whole address. */
  readonly bits: number;
}

const ADDRESSES: Readonly<Record<Family, FamilyAddresses>> = {
  ipv4: { localhost: "127.0.0.1/32", inboundSource: "127.0.0.6/32", bits: 32 },
  ipv6: { localhost: "::1/128", inboundSource: "::6/128", bits: 128 },
};

/** Metrics and health on the pod's own address: reached directly, under every egress policy. */
export const TELEMETRY_PORTS: readonly number[] = [15020, 15021, 15090];

/** Where names are answered. */
export interface NameTarget {
  /** An IP address. */
  readonly gateway: string;
  readonly ports: { readonly app: number; readonly sidecar: number };
}

/**
 * Input for `iptables-restore` or `ip6tables-restore`: the whole nat table of the pod's network
 * namespace. `names` undefined: queries go where the program sends them.
 */
export function interceptionRules(
  options: PodTraffic,
  names: NameTarget | undefined,
  family: Family = "ipv4",
): string {
  return [
    "*nat",
    ...["ISTIO_INBOUND", "ISTIO_REDIRECT", "ISTIO_IN_REDIRECT", "ISTIO_OUTPUT"].map(
      (chain) => `:${chain} - [0:0]`,
    ),
    `-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports ${OUTBOUND_PORT}`,
    `-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports ${INBOUND_PORT}`,
    ...inboundRules(options),
    ...(names === undefined ? [] : nameRules(options, names, ADDRESSES[family])),
    ...outboundRules(rangesOf(family, options), ADDRESSES[family]),
    "COMMIT",
    "",
  ].join("\n");
}

/** Ranges of the other family say nothing about these packets. */
function rangesOf(family: Family, options: PodTraffic): PodTraffic {
  const { includeOutboundRanges: included, excludeOutboundRanges: excluded } = options;
  const isOwn = (range: string): boolean => range.includes(":") === (family === "ipv6");
  return {
    ...options,
    includeOutboundRanges: included === "*" ? "*" : included.filter(isOwn),
    excludeOutboundRanges: excluded.filter(isOwn),
  };
}

function inboundRules(options: PodTraffic): string[] {
  const included = options.includeInboundPorts;
  if (included !== "*" && included.length === 0) return [];
  const first = [
    "-A PREROUTING -p tcp -j ISTIO_INBOUND",
    `-A ISTIO_INBOUND -p tcp --dport ${TUNNEL_PORT} -j RETURN`,
  ];
  if (included !== "*") {
    const redirect = (port: number): string =>
      `-A ISTIO_INBOUND -p tcp --dport ${port} -j ISTIO_IN_REDIRECT`;
    return [...first, ...included.map(redirect)];
  }
  return [
    ...first,
    ...options.excludeInboundPorts.map(
      (range) => `-A ISTIO_INBOUND -p tcp --dport ${portMatch(range)} -j RETURN`,
    ),
    "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT",
  ];
}

function outboundRules(options: PodTraffic, addresses: FamilyAddresses): string[] {
  const output = (rule: string): string => `-A ISTIO_OUTPUT ${rule}`;
  const ranges = options.includeOutboundRanges;
  const redirected = ranges === "*" ? [""] : ranges.map((range) => `-d ${range} `);
  return [
    "-A OUTPUT -j ISTIO_OUTPUT",
    ...options.excludeOutboundPorts.map((range) =>
      output(`-p tcp --dport ${portMatch(range)} -j RETURN`),
    ),
    output(`-o lo -s ${addresses.inboundSource} -j RETURN`),
    ...["uid", "gid"].flatMap((owner) => sidecarRules(owner, addresses)).map(output),
    output(`-d ${addresses.localhost} -j RETURN`),
    ...options.excludeOutboundRanges.map((range) => output(`-d ${range} -j RETURN`)),
    ...options.includeOutboundPorts.map((port) =>
      output(`-p tcp --dport ${port} -j ISTIO_REDIRECT`),
    ),
    ...redirected.map((range) => output(`${range}-j ISTIO_REDIRECT`)),
  ];
}

/**
 * Queries go to the mesh's names whatever server a program asks, those of the sidecar to a port of
 * their own; what is on the loopback is the pod's own affair. Where port 53 is excluded, only the
 * server that the pod's resolv.conf names is the mesh's.
 */
function nameRules(
  options: PodTraffic,
  { gateway, ports }: NameTarget,
  { bits }: FamilyAddresses,
): string[] {
  const host = bits === 128 ? `[${gateway}]` : gateway;
  const all = !options.excludeOutboundPorts.some(
    ({ first, last }) => first <= DNS_PORT && DNS_PORT <= last,
  );
  const asked = all ? "! -o lo" : `-d ${gateway}/${bits}`;
  const rule = (protocol: string, owner: string, port: number): string =>
    `-A OUTPUT ${asked} -p ${protocol} --dport ${DNS_PORT} ${owner}` +
    `-j DNAT --to-destination ${host}:${port}`;
  return ["udp", "tcp"].flatMap((protocol) => [
    rule(protocol, `-m owner --uid-owner ${SIDECAR_UID} `, ports.sidecar),
    rule(protocol, "", ports.app),
  ]);
}

/** `80`, or `4000:4999`. */
function portMatch({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}:${last}`;
}

/** The sidecar calling its own pod by a service's name is inbound traffic; the rest goes free. */
function sidecarRules(owner: string, { localhost }: FamilyAddresses): string[] {
  const sidecar = `--${owner}-owner ${SIDECAR_UID}`;
  return [
    `-o lo ! -d ${localhost} -p tcp ! --dport ${TUNNEL_PORT} -m owner ${sidecar} ` +
      "-j ISTIO_IN_REDIRECT",
    `-o lo -m owner ! ${sidecar} -j RETURN`,
    `-m owner ${sidecar} -j RETURN`,
  ];
}
