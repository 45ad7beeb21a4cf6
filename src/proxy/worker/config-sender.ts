import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { ClusterLoadAssignment } from "../../model/endpoint.ts";
import type { ConfigNames, ConfigPiece, ResourceList } from "./message.ts";

/** How much one piece may hold: copying it takes about a millisecond. */
const PIECE_WEIGHT_MAX = 500;
/** A cluster, listener or route weighs as much as so many endpoints. */
const RESOURCE_WEIGHT = 20;

const LISTS: readonly ResourceList[] = ["clusters", "endpoints", "listeners", "routes"];

type Resource = ProxyConfig[ResourceList][number];

/** What one worker lacks of a configuration. It keeps what it has got, so that it is sent once. */
export class ConfigSender {
  #known: ReadonlySet<Resource> = new Set();

  /** In this order, each after the one before has been answered. */
  *pieces(config: ProxyConfig): Generator<ConfigPiece> {
    for (const list of LISTS) {
      const missing = (config[list] as readonly Resource[]).filter(
        (resource) => !this.#known.has(resource),
      );
      yield* grouped(list, missing);
    }
    for (const assignment of config.endpoints) {
      if (!this.#known.has(assignment)) yield* remainder(assignment);
    }
  }

  /** The worker has committed this configuration. */
  committed(config: ProxyConfig): void {
    this.#known = new Set(LISTS.flatMap((list) => config[list] as readonly Resource[]));
  }
}

export function namesOf(config: ProxyConfig): ConfigNames {
  return {
    clusters: config.clusters.map(keyOf),
    endpoints: config.endpoints.map(keyOf),
    listeners: config.listeners.map(keyOf),
    routes: config.routes.map(keyOf),
  };
}

export function keyOf(resource: Resource): string {
  return "clusterName" in resource ? resource.clusterName : resource.name;
}

function* grouped(list: ResourceList, resources: readonly Resource[]): Generator<ConfigPiece> {
  let group: Resource[] = [];
  let weight = 0;
  for (const resource of resources) {
    const light = "localities" in resource ? shortened(resource) : resource;
    group.push(light);
    weight += "localities" in light ? countOf(light) + 1 : RESOURCE_WEIGHT;
    if (weight < PIECE_WEIGHT_MAX) continue;
    yield piece(list, group);
    group = [];
    weight = 0;
  }
  if (group.length > 0) yield piece(list, group);
}

function piece(list: ResourceList, group: readonly Resource[]): ConfigPiece {
  return { kind: "resources", list, resources: group as ProxyConfig[ResourceList] };
}

function countOf({ localities }: ClusterLoadAssignment): number {
  return localities.reduce((count, { endpoints }) => count + endpoints.length, 0);
}

/** An assignment as it is, or without endpoints where those come in pieces of their own. */
function shortened(assignment: ClusterLoadAssignment): ClusterLoadAssignment {
  if (countOf(assignment) <= PIECE_WEIGHT_MAX) return assignment;
  const localities = assignment.localities.map((each) => ({ ...each, endpoints: [] }));
  return { ...assignment, localities };
}

function* remainder(assignment: ClusterLoadAssignment): Generator<ConfigPiece> {
  if (countOf(assignment) <= PIECE_WEIGHT_MAX) return;
  const { clusterName } = assignment;
  for (const [locality, { endpoints }] of assignment.localities.entries()) {
    for (let from = 0; from < endpoints.length; from += PIECE_WEIGHT_MAX) {
      const some = endpoints.slice(from, from + PIECE_WEIGHT_MAX);
      yield { kind: "endpoints", clusterName, locality, endpoints: some };
    }
  }
}
