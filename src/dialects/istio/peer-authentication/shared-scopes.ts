import { type Origin, subjectOf } from "../../../model/origin.ts";
import type { PeerAuthentication } from "../../../model/policy/peer-authentication.ts";
import { byAge } from "../../../model/precedence/host.ts";
import type { Spec } from "../spec.ts";

interface Reading {
  readonly spec: Spec;
  readonly policy: PeerAuthentication;
}

/** KIA0002: of several policies for one whole namespace, or for the mesh, the oldest holds. */
export function reportSharedScopes(readings: readonly Reading[]): void {
  const wide = readings.filter(({ policy }) => Object.keys(policy.scope.labels).length === 0);
  for (const rivals of Map.groupBy(wide, ({ policy }) => policy.namespace).values()) {
    if (rivals.length < 2) continue;
    const [winner, ...losers] = rivals.toSorted((left, right) => byAge(left.policy, right.policy));
    if (winner === undefined) continue;
    const scope = scopeName(winner.policy);
    winner.spec.report("warning", "KIA0002", message(scope), { hint: HOLDS });
    for (const { spec } of losers) {
      spec.report("warning", "KIA0002", message(scope), { hint: insteadOf(winner.policy.origin) });
    }
  }
}

const HOLDS = "this one holds: the oldest, then the first by namespace/name";

function message(scope: string): string {
  return `More than one PeerAuthentication without selector speaks for ${scope}; one holds`;
}

function scopeName({ scope }: PeerAuthentication): string {
  return scope.namespace === undefined ? "the mesh" : `namespace ${scope.namespace}`;
}

function insteadOf(origin: Origin): string {
  const { file, line } = origin.position;
  return `${subjectOf(origin)} (${file}:${line}) holds, and this one does nothing`;
}
