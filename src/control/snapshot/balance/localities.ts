import {
  isWithin,
  localityOf,
  REGION_LABEL,
  SUBZONE_LABEL,
  ZONE_LABEL,
} from "../../../model/balance/locality.ts";
import type { LocalitySettings } from "../../../model/destination-policy.ts";
import type { Endpoint, Locality, LocalityEndpoints } from "../../../model/endpoint.ts";
import type { Labels } from "../../../model/mesh.ts";

/** An endpoint, where it is, and what it is labelled with. */
export interface PlacedEndpoint {
  readonly endpoint: Endpoint;
  readonly locality: Locality;
  readonly labels: Labels;
}

/** What a client's traffic to a service goes by. */
export interface LocalityRules {
  /** Labels of the client. */
  readonly labels: Labels;
  /** Undefined: nothing is written. */
  readonly settings: LocalitySettings | undefined;
  /** Endpoints that fail are found out, so that those that are farther may take over. */
  readonly failsOver: boolean;
}

/**
 * Endpoints by place, with Istio's weights and priorities (Istio:
 * ApplyLocalityLoadBalancer): shares of the traffic where they are written, else the nearest first
 * where failover is on, else no difference.
 */
export function localitiesFor(
  placed: readonly PlacedEndpoint[],
  rules: LocalityRules,
): readonly LocalityEndpoints[] {
  const groups = [...Map.groupBy(placed, ({ locality }) => keyOf(locality)).values()];
  const { settings, failsOver } = rules;
  const enabled = settings?.enabled ?? true;
  const share = enabled ? shareOf(rules) : undefined;
  if (share !== undefined) return distributed(groups, share.to);
  if (!enabled || !failsOver) return groups.map((group) => together(group, 0));
  const labels = settings?.failoverPriority ?? [];
  if (labels.length > 0) return byLabels(placed, labels, rules.labels);
  return byDistance(groups, localityOf(rules.labels), settings?.failover ?? []);
}

function keyOf({ region, zone, subZone }: Locality): string {
  return `${region}/${zone}/${subZone}`;
}

/** Istio gives a place the weight of its endpoints. */
function together(group: readonly PlacedEndpoint[], priority: number): LocalityEndpoints {
  const endpoints = group.map(({ endpoint }) => endpoint);
  const locality = group[0]?.locality ?? { region: "", zone: "", subZone: "" };
  return { locality, priority, weight: weightOf(group), endpoints };
}

function weightOf(group: readonly PlacedEndpoint[]): number {
  return group.reduce((sum, { endpoint }) => sum + endpoint.weight, 0);
}

function shareOf({
  labels,
  settings,
}: LocalityRules): LocalitySettings["distribute"][number] | undefined {
  const own = localityOf(labels);
  return settings?.distribute.find(({ from }) => isWithin(own, from));
}

/** Each place that is named gets its share, by weight where it is several; others get none. */
function distributed(
  groups: readonly (readonly PlacedEndpoint[])[],
  to: Readonly<Record<string, number>>,
): readonly LocalityEndpoints[] {
  const shares = new Map<readonly PlacedEndpoint[], number>();
  for (const [place, percent] of Object.entries(to)) {
    const inside = groups.filter((group) => {
      const [first] = group;
      return first !== undefined && !shares.has(group) && isWithin(first.locality, place);
    });
    const total = inside.reduce((sum, group) => sum + weightOf(group), 0);
    for (const group of inside) {
      shares.set(group, Math.ceil((weightOf(group) * percent) / total));
    }
  }
  return [...shares].map(([group, weight]) => ({ ...together(group, 0), weight }));
}

/** 0 the same place, 1 the same zone, 2 the same region, 3 elsewhere, 4 not where failover goes. */
function byDistance(
  groups: readonly (readonly PlacedEndpoint[])[],
  own: Locality,
  failover: LocalitySettings["failover"],
): readonly LocalityEndpoints[] {
  const target = failover.find(({ from }) => from === own.region)?.to;
  const distances = groups.map(([first]) => {
    const distance = first === undefined ? 3 : distanceOf(first.locality, own);
    if (distance < 3 || target === undefined) return distance;
    return first?.locality.region === target ? 3 : 4;
  });
  const ranks = ranksOf(distances);
  return groups.map((group, i) => together(group, ranks.get(distances[i] ?? 0) ?? 0));
}

function distanceOf(locality: Locality, own: Locality): number {
  if (locality.region !== own.region) return 3;
  if (locality.zone !== own.zone) return 2;
  return locality.subZone === own.subZone ? 0 : 1;
}

/** Those that share the most of the first labels with the client come first. */
function byLabels(
  placed: readonly PlacedEndpoint[],
  labels: readonly string[],
  client: Labels,
): readonly LocalityEndpoints[] {
  const misses = placed.map((each) => labels.length - sharedOf(each, labels, client));
  const ranks = ranksOf(misses);
  const groups = Map.groupBy(placed, (each, index) => {
    const rank = ranks.get(misses[index] ?? 0) ?? 0;
    return `${rank} ${keyOf(each.locality)}`;
  });
  return [...groups].map(([key, group]) => together(group, Number.parseInt(key, 10)));
}

/** How many of the labels are alike, up to the first that is not; `key=value` asks for a value. */
function sharedOf(endpoint: PlacedEndpoint, labels: readonly string[], client: Labels): number {
  const differs = labels.findIndex((label) => {
    const [key = "", value] = label.split("=");
    const wanted = value ?? labelOf(key, client, localityOf(client));
    return labelOf(key, endpoint.labels, endpoint.locality) !== wanted;
  });
  return differs < 0 ? labels.length : differs;
}

/** Labels of the topology mean the place, wherever that is written. */
function labelOf(key: string, labels: Labels, { region, zone, subZone }: Locality): string {
  if (key === REGION_LABEL) return region;
  if (key === ZONE_LABEL) return zone;
  return key === SUBZONE_LABEL ? subZone : (labels[key] ?? "");
}

/** Envoy's priorities have no gaps. */
function ranksOf(values: readonly number[]): ReadonlyMap<number, number> {
  const sorted = [...new Set(values)].sort((left, right) => left - right);
  return new Map(sorted.map((value, rank) => [value, rank]));
}
