import type { DestinationPolicy, Subset } from "../../../model/destination-policy.ts";
import { readExportTo } from "../export-to.ts";
import { isLabel, resolveHost, wildcardDomainError } from "../host.ts";
import { readSelector } from "../selector.ts";
import type { Spec } from "../spec.ts";
import { labelError } from "../text-rules.ts";
import { readTrafficPolicy } from "./traffic-policy.ts";

/** A DestinationRule; which one holds for a client is decided by `model/precedence.ts`. */
export function readDestinationRule(spec: Spec): DestinationPolicy {
  const host = spec.at("host").text() ?? "";
  if (spec.at("host").present) spec.at("host").refuse(wildcardDomainError(host));
  const selector = readSelector(spec.at("workloadSelector"), "matchLabels");
  const place = { host, workloadSelector: selector !== undefined };
  const exportTo = readExportTo(spec.at("exportTo"), { toNobody: false });
  if (selector !== undefined) checkScope(spec, exportTo);
  checkNames(spec.at("subsets").items());
  return {
    host: resolveHost(host, spec.namespace, spec.clusterDomain),
    namespace: spec.namespace,
    name: spec.object.name,
    exportTo,
    selector,
    traffic: readTrafficPolicy(spec.at("trafficPolicy"), place),
    subsets: spec
      .at("subsets")
      .items()
      .map((subset) => readSubset(subset, place)),
    creationTimestamp: spec.object.creationTimestamp,
    origin: spec.object.origin(),
  };
}

function readSubset(
  subset: Spec,
  place: { readonly host: string; readonly workloadSelector: boolean },
): Subset {
  for (const [key, value] of subset.at("labels").entries()) {
    value.refuse(labelError(key, value.text() ?? ""));
  }
  return {
    name: subset.at("name").text() ?? "",
    labels: subset.at("labels").labels() ?? {},
    traffic: readTrafficPolicy(subset.at("trafficPolicy"), place),
    origin: subset.origin(),
  };
}

function checkNames(subsets: readonly Spec[]): void {
  const seen = new Set<string>();
  for (const subset of subsets) {
    const node = subset.at("name");
    const name = node.text();
    if (name === undefined) continue;
    if (name === "") node.refuse("subset name cannot be empty");
    else if (!isLabel(name)) node.refuse(`subset name is invalid: ${name}`);
    if (seen.has(name)) node.refuse(`duplicate subset names: ${name}`);
    seen.add(name);
  }
}

/** A rule for some workloads stays in its namespace. */
function checkScope(spec: Spec, exportTo: readonly string[]): void {
  if (!spec.at("exportTo").present) return;
  if (!exportTo.includes(spec.namespace)) {
    spec
      .at("exportTo")
      .refuse(
        "destination rule with workload selector cannot have exportTo beyond current namespace",
      );
  } else if (exportTo.length > 1) {
    spec
      .at("exportTo")
      .refuse("destination rule with workload selector cannot have multiple entries in exportTo");
  }
}
