import type { Diagnostic } from "../../base/diagnostic.ts";
import type { World } from "../snapshot.ts";
import { coveredCircuits } from "./circuit-cover.ts";
import { circuitTraps } from "./circuit-traps.ts";
import { effectiveClusters } from "./effective.ts";
import { outlierTraps } from "./outlier-traps.ts";
import { retryTraps } from "./retry-traps.ts";
import { subsetTraps } from "./subset-traps.ts";

/**
 * Configuration that is legal, runs, and does not do what its author most likely meant: what
 * `outrigger check` says beside errors. Of one object each finding once, whatever number of ports
 * and subsets shows it.
 */
export function traps(world: World): readonly Diagnostic[] {
  const ofClusters = effectiveClusters(world).flatMap(outlierTraps);
  const told = new Set<string>();
  const once = ofClusters.filter(({ code, subject }) => {
    const key = JSON.stringify([code, subject]);
    return !told.has(key) && told.add(key);
  });
  const { mesh } = world;
  return [
    ...once,
    ...retryTraps(mesh),
    ...subsetTraps(mesh),
    ...circuitTraps(mesh),
    ...coveredCircuits(mesh),
  ];
}
