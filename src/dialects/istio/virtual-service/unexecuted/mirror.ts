import type { Spec } from "../../spec.ts";
import { readDestination } from "../destination.ts";

/** Istio's rules for mirrors, which nobody executes here yet. */
export function checkMirrors(rule: Spec): void {
  if (rule.at("mirror").present) readDestination(rule.at("mirror"));
  for (const mirror of rule.at("mirrors").items()) {
    readDestination(mirror.at("destination"));
    checkMirrorShare(mirror.at("percentage").at("value"), "mirror percentage");
  }
  checkMirrorShare(rule.at("mirrorPercentage").at("value"), "mirror_percentage");
  for (const field of ["mirrorPercent", "mirror_percent"]) {
    const percent = rule.at(field);
    checkMirrorShare(percent, "mirror_percent");
    if (percent.present) {
      percent.doubt('using deprecated setting "mirrorPercent", use "mirrorPercentage" instead');
    }
  }
}

function checkMirrorShare(share: Spec, name: string): void {
  const value = share.number() ?? 0;
  if (value > 100) share.refuse(`${name} must have a max value of 100 (it has ${value})`);
  if (value < 0) share.refuse(`${name} must have a min value of 0 (it has ${value})`);
}
