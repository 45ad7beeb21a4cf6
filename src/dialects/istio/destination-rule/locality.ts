import type { LocalitySettings } from "../../../model/destination-policy.ts";
import type { Spec } from "../spec.ts";

/** `localityLbSetting`; `zoneAwareLbSetting` is reported. */
export function readLocality(
  balancer: Spec,
  outlierDetection: boolean,
): LocalitySettings | undefined {
  checkLocality(balancer, outlierDetection);
  const locality = balancer.at("localityLbSetting");
  if (!locality.present) return undefined;
  return {
    enabled: locality.at("enabled").flag() ?? true,
    distribute: locality.at("distribute").items().map(readShares),
    failover: locality
      .at("failover")
      .items()
      .map((entry) => ({
        from: entry.at("from").text() ?? "",
        to: entry.at("to").text() ?? "",
      })),
    failoverPriority: locality.at("failoverPriority").texts(),
  };
}

function readShares(share: Spec): LocalitySettings["distribute"][number] {
  const to = share
    .at("to")
    .entries()
    .map(([place, weight]) => [place, weight.count() ?? 0]);
  return { from: share.at("from").text() ?? "", to: Object.fromEntries(to) };
}

function checkLocality(balancer: Spec, outlierDetection: boolean): void {
  const [locality, zone] = [balancer.at("localityLbSetting"), balancer.at("zoneAwareLbSetting")];
  if (locality.present && zone.present) {
    balancer.refuse("only one of localityLbSetting and zoneAwareLbSetting can be set");
  }
  const shares = locality.at("distribute").items();
  if (shares.length > 0 && locality.at("failover").items().length > 0) {
    locality.refuse("can not simultaneously specify 'distribute' and 'failover'");
  }
  for (const share of shares) checkShares(share);
  checkNames(shares.map((share) => [share.at("from"), share.at("from").text() ?? ""]));
  for (const setting of [locality, zone]) checkFailover(setting, outlierDetection);
}

const TOPOLOGY_LABELS: readonly string[] = [
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
  "topology.istio.io/subzone",
];

function checkFailover(setting: Spec, outlierDetection: boolean): void {
  const failover = setting.at("failover").items();
  const priority = setting.at("failoverPriority").items();
  for (const label of failover.length > 0 ? priority : []) {
    if (!TOPOLOGY_LABELS.includes(label.text() ?? "")) continue;
    label.refuse(
      "can not simultaneously set 'failover' and " +
        `topology label '${label.text()}' in 'failover_priority'`,
    );
  }
  for (const entry of failover) checkRegions(entry);
  if (failover.length + priority.length > 0 && !outlierDetection) {
    setting.doubt("outlier detection policy must be provided for failover");
  }
}

function checkRegions(entry: Spec): void {
  const [from, to] = [entry.at("from").text() ?? "", entry.at("to").text() ?? ""];
  const both = from + to;
  if (from === to) entry.refuse("locality lb failover settings must specify different regions");
  if (both.includes("/")) entry.refuse("locality lb failover only specify region");
  if (both.includes("*")) {
    entry.refuse("locality lb failover region should not contain '*' wildcard");
  }
}

function checkShares(share: Spec): void {
  const weights = share.at("to").entries();
  let total = 0;
  for (const [, weight] of weights) {
    const value = weight.count() ?? 0;
    if (value < 1 || value > 100) weight.refuse("locality weight must be in range [1, 100]");
    total += value;
  }
  if (total !== 100) share.at("to").refuse(`total locality weight ${total} != 100`);
  checkNames(weights.map(([locality, weight]) => [weight, locality]));
}

/** `region/zone/subzone`, the rest left out or a star; no two may mean the same place. */
function checkNames(names: readonly (readonly [Spec, string])[]): void {
  const seen: string[][] = [];
  for (const [node, locality] of names) {
    const parts = locality.split("/");
    const star = locality.indexOf("*");
    if (star >= 0 && star !== locality.length - 1) {
      node.refuse(
        `locality ${locality} wildcard '*' number can not exceed 1 and must be in the end`,
      );
    } else if (parts.includes("")) {
      node.refuse(`locality ${locality} must not contain empty region/zone/subzone info`);
    } else if (seen.some((earlier) => overlap(earlier, parts))) {
      node.refuse(`locality ${locality} overlap with previous specified ones`);
    }
    seen.push(parts);
  }
}

function overlap(one: readonly string[], other: readonly string[]): boolean {
  return [0, 1, 2].every((level) => {
    const [left, right] = [one[level] ?? "*", other[level] ?? "*"];
    return left === right || left === "*" || right === "*";
  });
}
