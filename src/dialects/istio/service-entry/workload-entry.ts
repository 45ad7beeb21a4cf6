import type { StaticEndpoint } from "../../../model/mesh.ts";
import { fqdnError, isAddress } from "../host.ts";
import type { Spec } from "../spec.ts";
import { labelError, portNameError } from "../text-rules.ts";

const UNIX = "unix://";
/** A name of the kernel's own, without a file. */
const ABSTRACT = "unix://@";

/** What the ServiceEntry around an endpoint decides; by itself a WorkloadEntry is free. */
export interface WorkloadRules {
  /** Undefined: not known. */
  readonly servicePorts: readonly string[] | undefined;
  /** Names beside IP addresses. */
  readonly namesAllowed: boolean;
}

/** A WorkloadEntry as an endpoint; undefined where it has no address that can be dialled. */
export function readWorkload(workload: Spec): StaticEndpoint | undefined {
  const address = workload.at("address").text() ?? "";
  if (address === "" || address.startsWith(ABSTRACT)) return undefined;
  const ports = workload.at("ports").entries();
  return {
    address,
    ports: Object.fromEntries(ports.map(([name, port]) => [name, port.count() ?? 0])),
    labels: workload.at("labels").labels() ?? {},
    ...placeOf(workload),
    // Istio's 0 is "not set".
    weight: workload.at("weight").count() || 1,
    serviceAccount: workload.at("serviceAccount").text() ?? "",
  };
}

function placeOf(workload: Spec): { readonly locality?: string } {
  const locality = workload.at("locality").text() ?? "";
  return locality === "" ? {} : { locality };
}

export function checkWorkload(workload: Spec, rules: WorkloadRules): void {
  checkAddress(workload, rules);
  for (const [name, port] of workload.at("ports").entries()) {
    const number = port.count() ?? 0;
    if (rules.servicePorts !== undefined && !rules.servicePorts.includes(name)) {
      port.refuse(
        `endpoint port ${number} is not defined by the service entry`,
        rules.servicePorts.join(", "),
      );
    }
    const error = portNameError(name);
    if (error !== undefined) {
      workload.at("ports").refuse(`Invalid value: port name must be valid: ${error}`);
    }
    if (number < 1 || number > 65_535) port.refuse("port must be between 1-65535", "1..65535");
  }
  for (const [key, value] of workload.at("labels").entries()) {
    value.refuse(labelError(key, value.text() ?? ""));
  }
}

function checkAddress(workload: Spec, rules: WorkloadRules): void {
  const node = workload.at("address");
  const address = node.text() ?? "";
  const network = workload.at("network").text() ?? "";
  if (address === "") {
    if (network === "") workload.refuse("Address is required");
    else workload.doubt(`address is unset with network "${network}"`);
  } else if (address.startsWith(UNIX)) {
    checkSocket(workload, address, rules.servicePorts);
  } else if (!isAddress(address)) {
    if (!rules.namesAllowed) node.refuse(`endpoint address "${address}" is not a valid IP address`);
    else if (fqdnError(address) !== undefined) {
      node.refuse(`endpoint address "${address}" is not a valid FQDN or an IP address`);
    }
  }
}

function checkSocket(
  workload: Spec,
  address: string,
  servicePorts: readonly string[] | undefined,
): void {
  const node = workload.at("address");
  if (servicePorts !== undefined && servicePorts.length !== 1) {
    node.refuse("exactly 1 service port required for unix endpoints");
  }
  const path = address.slice(UNIX.length);
  if (!path.startsWith("/") && !path.startsWith("@")) {
    node.refuse("UDS must be an absolute path or abstract socket", "unix:///path/of/socket");
  }
  if (path.endsWith("/")) node.refuse("UDS may not be a dir");
  if (workload.at("ports").present) workload.refuse("UDS may not include ports");
  if (address.startsWith(ABSTRACT)) {
    node.report("error", "OUT0202", "abstract Unix sockets are not supported", {
      allowed: "an IP address, or unix:///path/of/socket",
    });
  }
}
