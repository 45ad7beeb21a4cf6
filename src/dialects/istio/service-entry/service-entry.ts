import type { Resolution, Service, ServicePort } from "../../../model/mesh.ts";
import { readExportTo } from "../export-to.ts";
import { partialWildcardError, subnetError, wildcardDomainError } from "../host.ts";
import { readSelector } from "../selector.ts";
import type { Spec } from "../spec.ts";
import { checkEndpoints, readEndpoints } from "./endpoints.ts";
import { readPorts } from "./ports.ts";

const RESOLUTIONS: Readonly<Record<string, Resolution>> = {
  NONE: "none",
  STATIC: "static",
  DNS: "dns",
  DNS_ROUND_ROBIN: "dnsRoundRobin",
};

/** A ServiceEntry: one service a host. */
export function readServiceEntry(spec: Spec): Service[] {
  const resolution = readResolution(spec);
  const ports = readPorts(spec, resolution);
  const selector = readSelector(spec.at("workloadSelector"), "labels", "service entry");
  const hosts = readHosts(spec);
  checkShape(spec, resolution, ports);
  checkEndpoints(spec, resolution, ports);
  const shared = {
    namespace: spec.namespace,
    ports,
    addresses: readAddresses(spec, resolution),
    headless: false,
    selector,
    external: spec.at("location").text() !== "MESH_INTERNAL",
    exportTo: readExportTo(spec.at("exportTo"), { toNobody: true }),
    ...readNames(spec.at("subjectAltNames")),
    labels: spec.object.labels,
    annotations: spec.object.annotations,
    origin: spec.object.origin(),
  };
  const bySelector = selector !== undefined && resolution === "static";
  return hosts.map((host) => ({
    host,
    name: host,
    ...shared,
    resolution: bySelector ? "pods" : resolution,
    endpoints: readEndpoints(spec, resolution, host),
  }));
}

/** What certificates of its endpoints may be for, beside their accounts. */
function readNames(names: Spec): Pick<Service, "subjectAltNames"> {
  const subjectAltNames = names.texts();
  return subjectAltNames.length === 0 ? {} : { subjectAltNames };
}

function readResolution(spec: Spec): Resolution {
  const node = spec.at("resolution");
  const text = node.text() ?? "NONE";
  if (text === "DYNAMIC_DNS") {
    node.report("error", "OUT0202", "`resolution: DYNAMIC_DNS` is not supported", {
      allowed: Object.keys(RESOLUTIONS).join(" | "),
      hint: "list the hosts one by one with resolution: DNS",
    });
  }
  return RESOLUTIONS[text] ?? "none";
}

function readHosts(spec: Spec): string[] {
  const nodes = spec.at("hosts").items();
  if (spec.at("hosts").present && nodes.length === 0) {
    spec.at("hosts").refuse("service entry must have at least one host");
  }
  for (const node of nodes) {
    const host = node.text() ?? "";
    if (host === "*") node.refuse("invalid host *: hostname cannot be wildcard");
    else node.refuse(wildcardDomainError(host));
    const partial = partialWildcardError(host);
    if (partial !== undefined) node.doubt(partial, "write *.example.com");
  }
  return nodes.map((node) => node.text() ?? "");
}

/** Virtual addresses and ranges of them; a range of one address is that address. */
function readAddresses(spec: Spec, resolution: Resolution): string[] {
  const nodes = spec.at("addresses").items();
  const ranges = nodes.filter((node) => node.text()?.includes("/"));
  if (ranges.length > 0 && resolution !== "none" && resolution !== "static") {
    spec.at("addresses").refuse("CIDR addresses are allowed only for NONE/STATIC resolution types");
  }
  return nodes.map((node) => {
    const text = node.text() ?? "";
    node.refuse(subnetError(text));
    const [address = "", bits] = text.split("/");
    return bits === (address.includes(":") ? "128" : "32") ? address : text;
  });
}

function checkShape(spec: Spec, resolution: Resolution, ports: readonly ServicePort[]): void {
  const selected = spec.at("workloadSelector").present;
  if (selected && spec.at("endpoints").present) {
    spec.refuse("only one of WorkloadSelector or Endpoints can be set");
  }
  if (selected && resolution !== "static") {
    const word = spec.at("resolution").text() ?? "NONE";
    spec
      .at("workloadSelector")
      .doubt(`workloadSelector should not be set when resolution mode is ${word}`);
  }
  const hosts = spec.at("hosts").items();
  if (resolution === "none" || hosts.length < 2) return;
  const apart = ["http", "http2", "grpc", "grpcWeb", "https", "tls"];
  if (ports.some((port) => !apart.includes(port.protocol))) {
    spec.at("hosts").refuse("multiple hosts provided with non-HTTP, non-TLS ports");
  }
}
