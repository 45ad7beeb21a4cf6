import type { PortProtocol } from "../../model/mesh.ts";

/** Kubernetes' own names (KEP-3726); the rest of appProtocol follows the port names' rule. */
const STANDARD_APP_PROTOCOLS: Readonly<Record<string, PortProtocol>> = {
  "kubernetes.io/h2c": "http2",
  "kubernetes.io/ws": "http",
  "kubernetes.io/wss": "https",
};

/** What Istio's names mean to a proxy that speaks no database protocol. */
const BY_PREFIX: Readonly<Record<string, PortProtocol>> = {
  http: "http",
  http2: "http2",
  grpc: "grpc",
  https: "https",
  tls: "tls",
  tcp: "tcp",
  udp: "udp",
  mongo: "tcp",
  redis: "tcp",
  mysql: "tcp",
};

/** The one prefix with a dash in it. */
const GRPC_WEB = "grpc-web";

/** Servers there speak first, so that sniffing would wait: SMTP, DNS, MySQL, MongoDB. */
const SERVER_FIRST_PORTS: ReadonlySet<number> = new Set([25, 53, 3306, 27_017]);

export interface NamedPort {
  readonly name: string;
  readonly port: number;
  readonly transport: "TCP" | "UDP" | "SCTP";
  readonly appProtocol: string | undefined;
}

/**
 * What a service port speaks: appProtocol, else the name's part before the first dash, else it is
 * sniffed (`auto`). As Istio's `ConvertProtocol`: an unknown appProtocol hides the name.
 */
export function protocolOf(port: NamedPort): PortProtocol {
  if (port.transport === "UDP") return "udp";
  const name = (port.appProtocol ?? port.name).toLowerCase();
  const standard = port.appProtocol === undefined ? undefined : STANDARD_APP_PROTOCOLS[name];
  if (standard !== undefined) return standard;
  if (name.startsWith(GRPC_WEB)) return "grpcWeb";
  const prefix = name.split("-", 1)[0] ?? "";
  if (Object.hasOwn(BY_PREFIX, prefix)) return BY_PREFIX[prefix] ?? "auto";
  return SERVER_FIRST_PORTS.has(port.port) ? "tcp" : "auto";
}
