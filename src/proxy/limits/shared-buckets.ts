import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { FilterConfigs } from "../../model/filter/filter-configs.ts";
import type { LimitDescriptor, LocalRateLimit } from "../../model/filter/local-rate-limit.ts";
import type { ConnectionLimit, Listener } from "../../model/listener.ts";
import type { RouteConfiguration } from "../../model/route.ts";
import { type BucketCells, bucketCells } from "./token-bucket.ts";

/** Each of them has one bucket. */
export type Limited = LocalRateLimit | LimitDescriptor | ConnectionLimit;
type NamedLimit = readonly [place: string, limited: Limited];

/**
 * The rate limits of a configuration by their places, which are the same in all threads and from
 * one configuration to the next: so a limit goes on where something else changes.
 */
export function limitsByPlace({ listeners, routes }: ProxyConfig): readonly NamedLimit[] {
  return [
    ...listeners.flatMap(ofListener),
    ...routes.flatMap((config) => ofRoutes(`routes ${config.name}`, config)),
  ];
}

function ofListener({ name, filterChains, defaultFilterChain }: Listener): NamedLimit[] {
  const chains = defaultFilterChain === undefined ? [] : [defaultFilterChain];
  return [...filterChains, ...chains].flatMap(({ filter }, i) => {
    const place = `listener ${name} ${i}`;
    if (filter.kind === "tcp") return filter.limit === undefined ? [] : [[place, filter.limit]];
    const own = filter.httpFilters.flatMap((one): NamedLimit[] =>
      one.kind === "localRateLimit" ? ofLimit(place, one.limit) : [],
    );
    const { routes } = filter;
    return routes.kind === "rds" ? own : [...own, ...ofRoutes(place, routes.config)];
  });
}

function ofRoutes(place: string, config: RouteConfiguration): NamedLimit[] {
  return [
    ...ofLevel(`${place} routes`, config.filterConfigs),
    ...config.virtualHosts.flatMap(({ filterConfigs, routes }, i) => [
      ...ofLevel(`${place} host ${i}`, filterConfigs),
      ...routes.flatMap((route, j) => ofLevel(`${place} host ${i} ${j}`, route.filterConfigs)),
    ]),
  ];
}

function ofLevel(place: string, { rateLimit }: FilterConfigs): NamedLimit[] {
  return rateLimit === undefined ? [] : ofLimit(place, rateLimit);
}

function ofLimit(place: string, limit: LocalRateLimit): NamedLimit[] {
  const own = limit.descriptors.map(
    (one): NamedLimit => [`${place} ${JSON.stringify(one.entries)}`, one],
  );
  return [[place, limit], ...own];
}

/** Cells of a configuration that is prepared; they are kept once it is committed. */
export interface PreparedBuckets {
  readonly cells: ReadonlyMap<string, BucketCells>;
  commit(): void;
}

/** The buckets of all rate limits, by place; what threads share is handed to each of them. */
export class SharedBuckets {
  #current: ReadonlyMap<string, BucketCells> = new Map();

  get all(): ReadonlyMap<string, BucketCells> {
    return this.#current;
  }

  /** `shared`: cells that were made elsewhere, instead of its own. */
  prepare(config: ProxyConfig, shared?: ReadonlyMap<string, BucketCells>): PreparedBuckets {
    const cells = new Map<string, BucketCells>();
    for (const [place] of limitsByPlace(config)) {
      cells.set(place, shared?.get(place) ?? this.#current.get(place) ?? bucketCells());
    }
    return {
      cells,
      commit: () => {
        this.#current = cells;
      },
    };
  }
}
