import type { Diagnostic } from "../../base/diagnostic.ts";
import type { LoadBalancerAlgorithm } from "../../model/destination-policy.ts";
import type {
  IpFamily,
  Labels,
  MeshSettings,
  Namespace,
  Service,
  ServicePort,
  StaticEndpoint,
} from "../../model/mesh.ts";
import { DISTRIBUTIONS, prefersClose } from "./annotations/distribution.ts";
import { readServiceTraffic } from "./annotations/linkerd/traffic.ts";
import {
  type OpaquePorts,
  opaquePort,
  readOpaquePorts,
  withNamespaces,
} from "./annotations/opaque-ports.ts";
import { reportFaults } from "./annotations/port-list.ts";
import { type FieldTable, fieldTable } from "./field-table.ts";
import { Fields } from "./fields.ts";
import { DNS_LABEL, DNS_SUBDOMAIN } from "./metadata.ts";
import type { KubernetesObject } from "./object.ts";
import { protocolOf } from "./port-protocol.ts";

const SERVICE = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});

const SPEC = fieldTable({
  executed: [
    "ports",
    "selector",
    "clusterIP",
    "clusterIPs",
    "type",
    "externalName",
    "trafficDistribution",
    "ipFamilies",
    "ipFamilyPolicy",
  ],
  accepted: [
    "allocateLoadBalancerNodePorts",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "internalTrafficPolicy",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "sessionAffinity",
  ],
  reported: ["externalIPs", "publishNotReadyAddresses", "sessionAffinityConfig"],
});

const PORT = fieldTable({
  executed: ["name", "protocol", "appProtocol", "port", "targetPort"],
  accepted: ["nodePort"],
});

export const SERVICE_TABLES: Readonly<Record<string, FieldTable>> = {
  "Service.spec": SPEC,
  "Service.spec.ports[]": PORT,
};

type SpecFields = Fields<keyof typeof SPEC>;
type PortFields = Fields<keyof typeof PORT>;

/** IANA service name: how ports are called (RFC 6335). */
export const PORT_NAME: RegExp = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;

/** Istio's annotation for Services; `.` is the own namespace, `~` nobody. */
const EXPORT_TO_ANNOTATION = "networking.istio.io/exportTo";

/** A Service as the mesh sees it; wrong parts are diagnostics and left out. */
export function readService(
  object: KubernetesObject,
  settings: MeshSettings,
  diagnostics: Diagnostic[],
  namespaces: readonly Namespace[] = [],
): Service | undefined {
  const fields = Fields.ofObject(object, SERVICE, diagnostics);
  const spec = fields.requiredMapping("spec", SPEC);
  reportFaults(fields, ["metadata", "annotations"], readOpaquePorts(object.annotations).faults);
  if (spec === undefined) return undefined;
  const opaque = readOpaquePorts(withNamespaces(object.annotations, object.namespace, namespaces));
  const type = readType(spec);
  const externalName = type === "ExternalName" ? readExternalName(spec) : undefined;
  const addresses = readAddresses(spec);
  const distribution = spec.word("trafficDistribution", DISTRIBUTIONS);
  const traffic = readServiceTraffic(object.annotations, fields);
  return {
    host: `${object.name}.${object.namespace}.svc.${settings.clusterDomain}`,
    name: object.name,
    namespace: object.namespace,
    ports: readPorts(spec, type, opaque),
    addresses: addresses.filter((address) => address !== "None"),
    headless: addresses[0] === "None",
    ...readFamilies(spec, addresses),
    selector: type === "ExternalName" ? undefined : readSelector(spec),
    resolution: type === "ExternalName" ? "dns" : "pods",
    endpoints: externalName === undefined ? [] : [externalEndpoint(externalName)],
    ...(prefersClose(distribution, object.annotations, fields) ? { prefersClose: true } : {}),
    ...readAlgorithm(object, fields),
    ...(traffic === undefined ? {} : { traffic }),
    external: type === "ExternalName",
    exportTo: exportToOf(object),
    labels: object.labels,
    annotations: object.annotations,
    origin: object.origin(),
  };
}

/** Our own annotation of a Service: how it is balanced where no DestinationRule says. */
const ALGORITHM_ANNOTATION = "outrigger.dev/load-balancer";

const ALGORITHMS: Readonly<Record<string, LoadBalancerAlgorithm>> = {
  ROUND_ROBIN: "roundRobin",
  LEAST_REQUEST: "leastRequest",
  RANDOM: "random",
  PEAK_EWMA: "peakEwma",
};

function readAlgorithm(
  { annotations }: KubernetesObject,
  fields: Parameters<typeof reportFaults>[0],
): { readonly algorithm?: LoadBalancerAlgorithm } {
  const name = ALGORITHM_ANNOTATION;
  const found = annotations[name];
  if (found === undefined) return {};
  const algorithm = Object.hasOwn(ALGORITHMS, found) ? ALGORITHMS[found] : undefined;
  if (algorithm !== undefined) return { algorithm };
  const allowed = Object.keys(ALGORITHMS).join(", ");
  reportFaults(fields, ["metadata", "annotations"], [{ name, found, allowed }]);
  return {};
}

/** An empty selector selects nothing, as none. */
function readSelector(spec: SpecFields): Labels | undefined {
  const selector = spec.labels("selector") ?? {};
  return Object.keys(selector).length === 0 ? undefined : selector;
}

type ServiceType = "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName";

const TYPES: readonly ServiceType[] = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];

function readType(spec: SpecFields): ServiceType {
  const type = spec.word("type", TYPES) ?? "ClusterIP";
  if (type === "NodePort" || type === "LoadBalancer") {
    spec.problem("type", {
      code: "OUT0201",
      severity: "info",
      message: `No port outside the mesh is opened for type ${type}; it is served as ClusterIP`,
    });
  }
  if (spec.word("sessionAffinity", ["None", "ClientIP"]) === "ClientIP") {
    spec.notExecuted(
      "sessionAffinity",
      "Session affinity by client address is not executed",
      "sidecars balance requests, not clients",
    );
  }
  return type;
}

function readExternalName(spec: SpecFields): string | undefined {
  return spec.requiredString("externalName", {
    pattern: DNS_SUBDOMAIN,
    lengthMax: 253,
    allowed: "a DNS name in lower case",
  });
}

function externalEndpoint(address: string): StaticEndpoint {
  return { address, ports: {}, labels: {}, weight: 1, serviceAccount: "" };
}

function readAddresses(spec: SpecFields): string[] {
  const rule = {
    pattern: /^(None|[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$/,
    allowed: "an IP address, or None",
  };
  const several = spec.strings("clusterIPs", rule);
  const one = spec.has("clusterIP")
    ? spec.string("clusterIP", { ...rule, pattern: /^$|^None$|^[0-9a-fA-F:.]+$/ })
    : "";
  if (several.length > 0) return several;
  return one === undefined || one === "" ? [] : [one];
}

const FAMILIES: readonly IpFamily[] = ["IPv4", "IPv6"];

/** What is written, else what the addresses are of; a policy of both adds the other one. */
function readFamilies(
  spec: SpecFields,
  addresses: readonly string[],
): { readonly ipFamilies?: readonly IpFamily[] } {
  const rule = { pattern: /^IPv[46]$/, allowed: FAMILIES.join(" or ") };
  const policy = spec.word("ipFamilyPolicy", [
    "SingleStack",
    "PreferDualStack",
    "RequireDualStack",
  ]);
  const written = spec.strings("ipFamilies", rule);
  const ofAddresses = addresses.map((address) => (address.includes(":") ? "IPv6" : "IPv4"));
  const named = new Set(written.length > 0 ? written : ofAddresses);
  const both = policy === "PreferDualStack" || policy === "RequireDualStack";
  const families = FAMILIES.filter((family) => both || named.has(family));
  return families.includes("IPv6") ? { ipFamilies: families } : {};
}

function readPorts(spec: SpecFields, type: ServiceType, opaque: OpaquePorts): ServicePort[] {
  const entries = spec.mappings("ports", PORT);
  const headless = spec.raw("clusterIP") === "None";
  if (entries.length === 0 && type !== "ExternalName" && !headless) {
    spec.missing("ports", "at least one port");
  }
  const seen = new Set<string>();
  return entries.flatMap((entry) => readPort(entry, entries.length > 1, seen, opaque) ?? []);
}

function readPort(
  entry: PortFields,
  several: boolean,
  seen: Set<string>,
  opaque: OpaquePorts,
): ServicePort | undefined {
  const rule = { pattern: DNS_LABEL, allowed: "a DNS label" };
  const name = several ? entry.requiredString("name", rule) : entry.string("name", rule);
  const port = entry.requiredInteger("port", { min: 1, max: 65_535 });
  const transport = entry.word("protocol", ["TCP", "UDP", "SCTP"]) ?? "TCP";
  const appProtocol = entry.string("appProtocol");
  const targetPort = readTargetPort(entry) ?? port;
  if (name !== undefined && name !== "") once(entry, seen, "name", name);
  if (port === undefined || targetPort === undefined) return undefined;
  once(entry, seen, "port", `${transport} ${port}`);
  if (transport === "SCTP") {
    entry.notExecuted("protocol", "SCTP is not carried by the mesh; the port is left out");
    return undefined;
  }
  const protocol = protocolOf({ name: name ?? "", port, transport, appProtocol });
  const read = opaquePort({ name: name ?? "", port, targetPort, protocol }, opaque);
  if (read.protocol === "auto") reportName(entry, read);
  return read;
}

function once(entry: PortFields, seen: Set<string>, field: "name" | "port", value: string): void {
  if (seen.has(`${field} ${value}`)) {
    entry.bad(field, `The ${field} is there twice`, "one of each in a Service");
  }
  seen.add(`${field} ${value}`);
}

function readTargetPort(entry: PortFields): number | string | undefined {
  if (typeof entry.raw("targetPort") === "number") {
    return entry.integer("targetPort", { min: 1, max: 65_535 });
  }
  const allowed = "a port number, or the name of a container port";
  return entry.string("targetPort", { pattern: PORT_NAME, allowed });
}

/** Istio's IST0118: what such a port speaks is found by looking at its first bytes. */
function reportName(entry: PortFields, port: ServicePort): void {
  entry.problem("name", {
    code: "IST0118",
    severity: "info",
    message: `The name of port ${port.port} does not say what it speaks, so it is sniffed`,
    found: port.name === "" ? "no name" : port.name,
    allowed: "a name such as http, http-web, grpc, tcp-db, or appProtocol",
  });
}

function exportToOf(object: KubernetesObject): readonly string[] {
  const text = object.annotations[EXPORT_TO_ANNOTATION];
  if (text === undefined || text.trim() === "") return ["*"];
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("~")) return [];
  return names.map((name) => (name === "." ? object.namespace : name));
}
