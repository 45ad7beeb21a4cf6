import type { HealthStatus } from "../../../model/endpoint.ts";
import type { Candidate } from "../balancer.ts";
import type { Level } from "./priority-load.ts";

/** A host that can be asked how it is. */
export interface Member extends Candidate {
  readonly health: HealthStatus;
}

/** Where discovery has put a host. */
export interface Placed<T> {
  readonly host: T;
  readonly priority: number;
  readonly locality: LocalityPlace;
}

export interface LocalityPlace {
  /** Region, zone and sub-zone as one text; localities are the same where it is. */
  readonly key: string;
  /** 0: no requests, where localities are weighted. */
  readonly weight: number;
}

/** Hosts by what may be done with them. */
export interface HostSet<T> {
  readonly all: T[];
  readonly healthy: T[];
  readonly degraded: T[];
}

/** One priority's hosts, and the same by locality, localities in order. */
export interface PrioritySet<T> extends HostSet<T> {
  readonly localities: readonly LocalitySet<T>[];
}

export interface LocalitySet<T> extends HostSet<T> {
  readonly weight: number;
}

/** Hosts that are sorted before others get their turn. */
const SLICE = 256;

/** By priority; one that nobody has is empty. */
export function* hostSetsOf<T extends Member>(
  placed: readonly Placed<T>[],
): Generator<void, readonly PrioritySet<T>[]> {
  const sets: (HostSet<T> & { places: Map<string, HostSet<T> & { weight: number }> })[] = [];
  const open = () => ({ all: [], healthy: [], degraded: [] });
  for (const [i, { host, priority, locality }] of placed.entries()) {
    while (sets.length <= priority) sets.push({ ...open(), places: new Map() });
    const set = sets[priority];
    if (set === undefined) continue;
    let place = set.places.get(locality.key);
    if (place === undefined) {
      place = { ...open(), weight: locality.weight };
      set.places.set(locality.key, place);
    }
    put(set, host);
    put(place, host);
    if (i % SLICE === 0) yield;
  }
  return sets.map(({ places, ...set }) => {
    const inOrder = [...places].sort(([a], [b]) => (a < b ? -1 : 1));
    return { ...set, localities: inOrder.map(([, place]) => place) };
  });
}

function put<T extends Member>(set: HostSet<T>, host: T): void {
  const { health } = host;
  set.all.push(host);
  if (health === "healthy") set.healthy.push(host);
  else if (health === "degraded") set.degraded.push(host);
}

export function levelOf<T>(set: HostSet<T>): Level {
  const { all, healthy, degraded } = set;
  return { total: all.length, healthy: healthy.length, degraded: degraded.length };
}
