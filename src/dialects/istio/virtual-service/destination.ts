import type { Backend } from "../../../model/http-route-set.ts";
import { isLabel, resolveHost, wildcardDomainError } from "../host.ts";
import type { Spec } from "../spec.ts";
import { portError } from "../text-rules.ts";
import { readHeaderOperations } from "./headers.ts";

/** `route[]` of an HTTP rule. One destination gets everything, whatever its weight says. */
export function readBackends(route: Spec): Backend[] {
  const destinations = route.items();
  checkWeights(route);
  return destinations.map((item) => {
    const headers = readHeaderOperations(item.at("headers"));
    const destination = readDestination(item.at("destination"));
    return {
      ...destination,
      weight: destinations.length === 1 ? 100 : Math.max(0, item.at("weight").integer() ?? 0),
      requestHeaders: headers.request,
      responseHeaders: headers.response,
      hostRewrite: headers.authority,
      invalidStatus: undefined,
      origin: item.origin(),
    };
  });
}

/** Weights are relative: they need not add up to 100. */
export function checkWeights(route: Spec): void {
  const weights = route.items().map((item) => item.at("weight"));
  let total = 0;
  for (const weight of weights) {
    const value = weight.integer() ?? 0;
    if (value < 0) weight.refuse(`weight ${value} < 0`, "0 or more");
    total += value;
  }
  if (weights.length > 1 && total === 0) {
    route.refuse("total destination weight = 0", "weights of which one is above 0");
  }
}

/** Host as FQDN, subset, port; faults are reported. */
export function readDestination(node: Spec): Pick<Backend, "host" | "subset" | "port"> {
  const host = node.at("host");
  const name = host.text() ?? "";
  if (name === "*") host.refuse(`invalid destination host ${name}`);
  else if (host.present) host.refuse(wildcardDomainError(name));
  const subset = node.at("subset").text() ?? "";
  if (subset !== "" && !isLabel(subset)) {
    node.at("subset").refuse(`subset name is invalid: ${subset}`);
  }
  const port = node.at("port");
  const number = port.at("number").count();
  if (port.present) port.refuse(portError(number ?? 0));
  return { host: resolveHost(name, node.namespace, node.clusterDomain), subset, port: number };
}
