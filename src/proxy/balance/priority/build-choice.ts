import {
  type BalanceContext,
  type BalancePolicy,
  type Balancer,
  buildBalancer,
  buildHashing,
  isHashing,
  type TableSizes,
} from "../balancer.ts";
import { shareOut } from "../hash/hashed-hosts.ts";
import {
  hostSetsOf,
  type LocalitySet,
  levelOf,
  type Member,
  type Placed,
  type PrioritySet,
} from "./host-set.ts";
import { LocalityChoice, type WeightedLocality } from "./locality-choice.ts";
import { type Choices, PriorityChoice } from "./priority-choice.ts";
import { loadOf } from "./priority-load.ts";

/** Everything that decides about picking but the hosts. */
export interface BalanceSettings extends BalancePolicy {
  /** Percent. */
  readonly panicThreshold: number;
  /** Percent. */
  readonly overprovisioningFactor: number;
}

export interface BuiltChoice<T> {
  /** Undefined where there is nobody at all. */
  readonly choice: PriorityChoice<T> | undefined;
  readonly healthy: number;
  readonly degraded: number;
  /** Of the ring or table that was built last; undefined where there is none. */
  readonly sizes: TableSizes | undefined;
}

/** Makes hosts ready to be picked, as they are right now, a piece at a time. */
export function* buildChoice<T extends Member>(
  placed: readonly Placed<T>[],
  settings: BalanceSettings,
  context: BalanceContext,
): Generator<void, BuiltChoice<T>> {
  const sets = yield* hostSetsOf(placed);
  const levels = sets.map(levelOf);
  const threshold = Math.round(settings.panicThreshold);
  const load = loadOf(levels, settings.overprovisioningFactor, threshold);
  const priorities: Choices<T>[] = [];
  let sizes: TableSizes | undefined;
  let healthyUpTo = 0;
  let degradedUpTo = load.healthy.reduce((sum, one) => sum + one, 0);
  for (const [i, set] of sets.entries()) {
    const panic = load.panic[i] === true;
    const isUsed = { healthy: (load.healthy[i] ?? 0) > 0, degraded: (load.degraded[i] ?? 0) > 0 };
    healthyUpTo += load.healthy[i] ?? 0;
    degradedUpTo += load.degraded[i] ?? 0;
    const upTo = { healthyUpTo, degradedUpTo, panic };
    if (isHashing(settings.policy)) {
      const built = yield* hashingOf(set, panic, settings, (found) => {
        sizes = found;
      });
      priorities.push({ ...upTo, healthy: built, degraded: built });
      continue;
    }
    priorities.push({ ...upTo, ...(yield* flatOf(set, panic, isUsed, settings, context)) });
    yield;
  }
  return {
    choice: placed.length === 0 ? undefined : choiceOf(priorities, settings, context),
    healthy: levels.reduce((sum, level) => sum + level.healthy, 0),
    degraded: levels.reduce((sum, level) => sum + level.degraded, 0),
    sizes,
  };
}

function choiceOf<T>(
  priorities: readonly Choices<T>[],
  { policy }: BalanceSettings,
  { random }: BalanceContext,
): PriorityChoice<T> {
  return new PriorityChoice(priorities, random, isHashing(policy));
}

/** Degraded hosts are in no ring and no table. A locality is as large as its weight says. */
function* hashingOf<T extends Member>(
  set: PrioritySet<T>,
  panic: boolean,
  settings: BalanceSettings,
  onSize: (sizes: TableSizes) => void,
): Generator<void, Balancer<T>> {
  const groups = settings.options.localityWeighted ? set.localities : [{ ...set, weight: 1 }];
  const shared = groups.map(({ all, healthy, weight }) => ({
    hosts: panic ? all : healthy,
    weight,
  }));
  return yield* buildHashing(settings, shareOut(shared), onSize);
}

/** In a panic localities do not count either. */
function* flatOf<T extends Member>(
  set: PrioritySet<T>,
  panic: boolean,
  isUsed: { readonly healthy: boolean; readonly degraded: boolean },
  settings: BalanceSettings,
  context: BalanceContext,
): Generator<void, Pick<Choices<T>, "healthy" | "degraded">> {
  if (panic) {
    return { healthy: yield* buildBalancer(settings, set.all, context), degraded: undefined };
  }
  return {
    healthy: isUsed.healthy ? yield* chosenOf(set, "healthy", settings, context) : undefined,
    degraded: isUsed.degraded ? yield* chosenOf(set, "degraded", settings, context) : undefined,
  };
}

function* chosenOf<T extends Member>(
  set: PrioritySet<T>,
  of: "healthy" | "degraded",
  settings: BalanceSettings,
  context: BalanceContext,
): Generator<void, Balancer<T>> {
  const localities: WeightedLocality<T>[] = [];
  for (const locality of settings.options.localityWeighted ? set.localities : []) {
    const weight = effectiveWeight(locality, of, settings);
    if (weight <= 0) continue;
    localities.push({ weight, balancer: yield* buildBalancer(settings, locality[of], context) });
  }
  if (localities.length > 0) return new LocalityChoice(localities, context.random);
  return yield* buildBalancer(settings, set[of], context);
}

/** Envoy: effectiveLocalityWeight: the weight, as far as hosts are available, and a little more. */
function effectiveWeight<T>(
  locality: LocalitySet<T>,
  of: "healthy" | "degraded",
  { overprovisioningFactor }: BalanceSettings,
): number {
  const available = (overprovisioningFactor / 100) * (locality[of].length / locality.all.length);
  return locality.weight * Math.min(1, available);
}
