import type { Fraction } from "../../../model/filter/fraction.ts";
import type { RuleMirror } from "../../../model/http-route-set.ts";
import type { Spec } from "../spec.ts";
import { readDestination } from "./destination.ts";

/** Parts of a million a per cent. */
const PER_CENT = 10_000;

/** `mirror` with its share, or `mirrors`; those of a share of nothing are left out. */
export function readMirrors(rule: Spec): RuleMirror[] {
  const several = rule.at("mirrors").items().flatMap(readMirror);
  const one = rule.at("mirror");
  const share = readOldShare(rule);
  if (!one.present || share === 0) return several;
  return [toMirror(one, share), ...several];
}

function readMirror(mirror: Spec): RuleMirror[] {
  const destination = mirror.at("destination");
  const share = readShare(mirror.at("percentage"), "mirror percentage");
  return share === 0 ? [] : [toMirror(destination, share)];
}

/** `share` in per cent; undefined: everything. */
function toMirror(destination: Spec, share: number | undefined): RuleMirror {
  const fraction: Fraction | undefined =
    share === undefined
      ? undefined
      : { numerator: Math.round(share * PER_CENT), denominator: 1_000_000 };
  return { ...readDestination(destination), fraction, origin: destination.origin() };
}

/** `mirrorPercentage` wins over the deprecated whole numbers. */
function readOldShare(rule: Spec): number | undefined {
  let share = readShare(rule.at("mirrorPercentage"), "mirror_percentage");
  for (const field of ["mirrorPercent", "mirror_percent"]) {
    const percent = rule.at(field);
    if (!percent.present) continue;
    checkShare(percent, "mirror_percent");
    percent.doubt('using deprecated setting "mirrorPercent", use "mirrorPercentage" instead');
    share ??= percent.number();
  }
  return share;
}

/** A Percent without value is nothing, as protobuf's defaults are. */
function readShare(percent: Spec, name: string): number | undefined {
  checkShare(percent.at("value"), name);
  return percent.present ? (percent.at("value").number() ?? 0) : undefined;
}

function checkShare(share: Spec, name: string): void {
  const value = share.number() ?? 0;
  if (value > 100) share.refuse(`${name} must have a max value of 100 (it has ${value})`);
  if (value < 0) share.refuse(`${name} must have a min value of 0 (it has ${value})`);
}
