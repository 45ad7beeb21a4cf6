// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { CompiledForward, Target } from "../route/compiled-route.ts";

/**
 * The backend that was drawn, or where none of its endpoints is ready another one, by the weights
 * of those that are (linkerd2-proxy: `linkerd/distribute`); the first where nobody is.
 */
export function readyTarget({ targets }: CompiledForward, drawn: Target, random: Random): Target {
  if (isReady(drawn) || targets.length === 1) return drawn;
  let weight = 0;
  for (let i = 0; i < targets.length; i++) weight += readyWeight(targets, i);
  if (weight === 0) return drawn;
  let left = random.below(weight);
  for (let i = 0; i < targets.length; i++) {
    const own = readyWeight(targets, i);
    if (left < own) return targets[i] as Target;
    left -= own;
  }
  return drawn;
}

/** A backend that does not judge its endpoints is always ready; one that is not there never. */
function isReady({ slot }: Target): boolean {
  return slot.cluster !== undefined && slot.cluster.waiting?.ready !== false;
}

function readyWeight(targets: readonly Target[], index: number): number {
  const target = targets[index] as Target;
  return isReady(target) ? target.upTo - (targets[index - 1]?.upTo ?? 0) : 0;
}
