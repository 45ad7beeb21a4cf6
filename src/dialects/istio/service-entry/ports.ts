import type { PortProtocol, Resolution, ServicePort } from "../../../model/mesh.ts";
import type { Spec } from "../spec.ts";
import { portNameError } from "../text-rules.ts";

/** Istio's names (pkg/config/protocol), in any case. */
const PROTOCOLS: Readonly<Record<string, PortProtocol>> = {
  "": "auto",
  HTTP: "http",
  HTTP_PROXY: "http",
  HTTP2: "http2",
  GRPC: "grpc",
  "GRPC-WEB": "grpcWeb",
  HTTPS: "https",
  TLS: "tls",
  TCP: "tcp",
  MONGO: "tcp",
  REDIS: "tcp",
  MYSQL: "tcp",
  UDP: "udp",
};

export function readPorts(spec: Spec, resolution: Resolution): ServicePort[] {
  const nodes = spec.at("ports").items();
  checkRepeated(nodes);
  return nodes.map((node) => {
    const [number, target] = [node.at("number"), node.at("targetPort")];
    for (const port of [number, target]) checkPort(port);
    if (target.present && resolution === "none") {
      target.doubt("targetPort has no effect when resolution mode is NONE");
    }
    const name = node.at("name").text() ?? "";
    if (node.at("name").present) node.at("name").refuse(portNameError(name));
    const port = number.count() ?? 0;
    const protocol = readProtocol(node.at("protocol"));
    if (!spec.at("addresses").present) reportMissingAddress(spec, node, resolution);
    return { name, port, targetPort: target.count() || port, protocol };
  });
}

function checkPort(node: Spec): void {
  const number = node.count();
  if (number === undefined || (number >= 1 && number <= 65_535)) return;
  node.refuse("port must be between 1-65535", "1..65535");
}

function readProtocol(node: Spec): PortProtocol {
  const text = node.text() ?? "";
  const protocol = PROTOCOLS[text.toUpperCase()];
  if (protocol === undefined) {
    node.refuse(`unsupported protocol: ${text}`, Object.keys(PROTOCOLS).filter(Boolean).join(", "));
  }
  return protocol ?? "auto";
}

/** IST0134: without an address, TCP to any address on that port is taken for this service. */
function reportMissingAddress(spec: Spec, port: Spec, resolution: Resolution): void {
  const protocol = (port.at("protocol").text() ?? "").toUpperCase();
  const allocated = statusAddresses(spec.object.value.status) > 0;
  if ((protocol !== "" && protocol !== "TCP") || allocated) return;
  port.report("warning", "IST0134", "ServiceEntry addresses are required for this protocol.", {
    hint:
      resolution === "none"
        ? "without addresses, connections to any address on this port are taken for it"
        : "it gets an address of 240.240.0.0/16, which needs DNS of the mesh: write one for others",
  });
}

/** Istio writes the addresses that it gave to a ServiceEntry into its status. */
function statusAddresses(status: unknown): number {
  const addresses = (status as { addresses?: unknown } | undefined)?.addresses;
  return Array.isArray(addresses) ? addresses.length : 0;
}

function checkRepeated(nodes: readonly Spec[]): void {
  const names = new Set<string>();
  const numbers = new Set<number>();
  for (const node of nodes) {
    const [name, number] = [node.at("name").text(), node.at("number").count()];
    if (name !== undefined && names.has(name)) {
      node.at("name").refuse(`Duplicate value: service entry port name "${name}" already defined`);
    }
    if (number !== undefined && numbers.has(number)) {
      node
        .at("number")
        .refuse(`service entry port ${number} already defined: port number cannot be duplicated`);
    }
    if (name !== undefined) names.add(name);
    if (number !== undefined) numbers.add(number);
  }
}
