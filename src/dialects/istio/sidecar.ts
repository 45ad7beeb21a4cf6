import type { EgressPolicy, MeshSettings } from "../../model/mesh.ts";
import { readConnectionPool } from "./destination-rule/connection-pool.ts";
import { isLabel, partialWildcardError, wildcardDomainError } from "./host.ts";
import { readSelector } from "./selector.ts";
import type { Spec } from "./spec.ts";
import { portError, portNameError } from "./text-rules.ts";

/**
 * A Sidecar, of which the policy for unknown hosts is executed. One without that policy still
 * takes the workloads it selects away from a wider Sidecar: they get the mesh's policy.
 */
export function readSidecar(spec: Spec, settings: MeshSettings): EgressPolicy {
  const selector = readSelector(spec.at("workloadSelector"), "labels", "sidecar");
  const fields = ["egress", "ingress", "outboundTrafficPolicy", "inboundConnectionPool"];
  if (spec.present && !fields.some((field) => spec.at(field).present)) {
    spec.refuse("sidecar: empty configuration provided", fields.join(", "));
  }
  checkEgress(spec.at("egress").items());
  checkIngress(spec.at("ingress").items());
  readConnectionPool(spec.at("inboundConnectionPool"));
  const policy = spec.at("outboundTrafficPolicy");
  checkEgressProxy(policy);
  return {
    namespace: spec.namespace,
    selector,
    outboundTrafficPolicy: policy.present
      ? readMode(policy.at("mode"))
      : settings.outboundTrafficPolicy,
    origin: policy.present ? policy.origin() : spec.object.origin(),
  };
}

/** A policy without mode is REGISTRY_ONLY: the first value of the enum, and so its default. */
function readMode(mode: Spec): EgressPolicy["outboundTrafficPolicy"] {
  return mode.text() === "ALLOW_ANY" ? "allowAny" : "registryOnly";
}

function checkEgressProxy(policy: Spec): void {
  const proxy = policy.at("egressProxy");
  if (!proxy.present) return;
  if (policy.at("mode").text() !== "ALLOW_ANY") {
    proxy.refuse(
      "sidecar: egress_proxy must be set only with ALLOW_ANY outbound_traffic_policy mode",
    );
  }
  if (!proxy.at("port").present) proxy.refuse("sidecar: egress_proxy port must be non-nil");
}

function checkEgress(listeners: readonly Spec[]): void {
  const ports = new Set<number>();
  for (const [index, listener] of listeners.entries()) {
    const port = listener.at("port");
    if (!port.present && index < listeners.length - 1) {
      listener.refuse(
        "sidecar: the egress listener with empty port should be the last listener in the list",
      );
    }
    if (port.present) checkPort(listener, ports, { zeroAllowed: true });
    checkEgressHosts(listener);
  }
}

function checkEgressHosts(listener: Spec): void {
  const hosts = listener.at("hosts").items();
  if (listener.at("hosts").present && hosts.length === 0) {
    listener.refuse("sidecar: egress listener must contain at least one host");
  }
  const seen = new Set<string>();
  for (const host of hosts) {
    const text = host.text() ?? "";
    for (const error of egressHostErrors(text)) host.refuse(error, "*/*, ./*, ns/*.example.com");
    if (seen.has(text)) host.doubt(`duplicated egress host: ${text}`);
    seen.add(text);
  }
}

/** `namespace/dnsName`; a leading `~` excludes. */
function egressHostErrors(text: string): string[] {
  const slash = text.indexOf("/");
  if (slash < 0) return ["host must be of form namespace/dnsName"];
  const namespace = text.slice(0, slash).replace(/^~(?=.)/, "");
  const name = text.slice(slash + 1);
  if (namespace === "" || name === "") {
    return ["config namespace and dnsName in host entry cannot be empty"];
  }
  const known = ["*", ".", "~"].includes(namespace) || isLabel(namespace);
  const isShort = name !== "*" && !name.includes(".");
  return [
    known ? undefined : `invalid namespace value "${namespace}" in sidecar`,
    isShort ? "short names (non FQDN) are not allowed" : undefined,
    wildcardDomainError(name),
    partialWildcardError(name),
  ].filter((error) => error !== undefined);
}

function checkIngress(listeners: readonly Spec[]): void {
  const ports = new Set<number>();
  for (const listener of listeners) {
    if (!listener.at("port").present) {
      listener.refuse("sidecar: port is required for ingress listeners");
      continue;
    }
    checkPort(listener, ports, { zeroAllowed: false });
    readConnectionPool(listener.at("connectionPool"));
    checkDefaultEndpoint(listener.at("defaultEndpoint"));
  }
}

function checkPort(
  listener: Spec,
  seen: Set<number>,
  rules: { readonly zeroAllowed: boolean },
): void {
  const port = listener.at("port");
  const number = port.at("number").count() ?? 0;
  const name = port.at("name").text() ?? "";
  if (name !== "") port.at("name").refuse(portNameError(name));
  if (port.at("targetPort").present) {
    port.at("targetPort").refuse("targetPort has no impact on Sidecars");
  }
  if (number === 0 && rules.zeroAllowed) {
    if (!listener.at("bind").text()?.startsWith("unix://")) {
      listener.refuse("sidecar: ports with 0 value must have a unix domain socket bind address");
    }
    return;
  }
  port.refuse(portError(number));
  if (seen.has(number)) {
    port.refuse("sidecar: ports on IP bound listeners must be unique");
  }
  seen.add(number);
}

const LOCAL_HOSTS: readonly string[] = ["", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"];

function checkDefaultEndpoint(endpoint: Spec): void {
  const text = endpoint.text() ?? "";
  if (text === "" || text.startsWith("unix://")) return;
  const colon = text.lastIndexOf(":");
  const [host, port] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
  if (colon < 0 || !LOCAL_HOSTS.includes(host)) {
    endpoint.refuse(
      "sidecar: defaultEndpoint must be of form " +
        "127.0.0.1:<port>,0.0.0.0:<port>,[::1]:port,[::]:port,unix://filepath or unset",
    );
  } else if (!/^\d+$/.test(port)) {
    endpoint.refuse(`sidecar: defaultEndpoint port (${port}) is not a number`);
  } else {
    endpoint.refuse(portError(Number(port)));
  }
}
