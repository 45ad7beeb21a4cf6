import type { Spec } from "../spec.ts";

/** Istio's rules for locality settings, which nobody executes here yet. */
export function checkLocality(balancer: Spec, outlierDetection: boolean): void {
  const [locality, zone] = [balancer.at("localityLbSetting"), balancer.at("zoneAwareLbSetting")];
  if (locality.present && zone.present) {
    balancer.refuse("only one of localityLbSetting and zoneAwareLbSetting can be set");
  }
  const [distribute, failover] = [locality.at("distribute"), locality.at("failover")];
  if (distribute.items().length > 0 && failover.items().length > 0) {
    locality.refuse("can not simultaneously specify 'distribute' and 'failover'");
  }
  for (const share of distribute.items()) checkShares(share);
  for (const setting of [locality, zone]) checkFailover(setting, outlierDetection);
}

function checkFailover(setting: Spec, outlierDetection: boolean): void {
  const failover = setting.at("failover").items();
  for (const entry of failover) {
    const [from, to] = [entry.at("from").text() ?? "", entry.at("to").text() ?? ""];
    if (from === to) entry.refuse(`locality lb failover settings must specify different regions`);
    for (const region of [from, to]) {
      if (region.includes("*") || region.includes("/")) {
        entry.refuse(`locality lb failover only specify region, got ${region}`);
      }
    }
  }
  const wanted = failover.length > 0 || setting.at("failoverPriority").items().length > 0;
  if (wanted && !outlierDetection) {
    setting.doubt("outlier detection policy must be provided for failover");
  }
}

function checkShares(share: Spec): void {
  checkWildcard(share.at("from"), share.at("from").text() ?? "");
  let total = 0;
  for (const [locality, weight] of share.at("to").entries()) {
    const value = weight.count() ?? 0;
    if (value < 1 || value > 100) weight.refuse("locality weight must be in range [1, 100]");
    checkWildcard(weight, locality);
    total += value;
  }
  if (total !== 100) share.at("to").refuse(`total locality weight ${total} != 100`);
}

/** `us-west/zone1/*`: the star stands for the rest. */
function checkWildcard(node: Spec, locality: string): void {
  const star = locality.indexOf("*");
  if (star >= 0 && star !== locality.length - 1) {
    node.refuse(`locality ${locality} wildcard '*' number can not exceed 1 and must be in the end`);
  }
}
