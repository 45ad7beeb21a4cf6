import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { ClusterLoadAssignment } from "../../model/endpoint.ts";
import type { Listener } from "../../model/listener.ts";
import type { RouteConfiguration } from "../../model/route.ts";
import { fetchTimeoutMsOf, type Secret, type SecretRef } from "../../model/transport/secret.ts";
import { secretsOfCluster, secretsOfListener } from "../../model/transport/secrets-in-use.ts";
import { isWholeState, type ResourceType } from "../order.ts";
import type { ResourceModels } from "../resource.ts";

/** What one response brought, by resource name. */
export type ReceivedResources<T extends ResourceType = ResourceType> = ReadonlyMap<
  string,
  ResourceModels[T]
>;

/**
 * Everything that a proxy was sent and accepted, and what of it may be run. A cluster waits for
 * its endpoints, a listener for its routes, and both for their secrets; until then the one before
 * stays ("Resource warming", xDS protocol documentation). What did not change stays the same
 * object.
 */
export class Received {
  #clusters: ReadonlyMap<string, Cluster> = new Map();
  #listeners: ReadonlyMap<string, Listener> = new Map();
  readonly #endpoints = new Map<string, ClusterLoadAssignment>();
  readonly #routes = new Map<string, RouteConfiguration>();
  readonly #secrets = new Map<string, Secret>();
  /** Secrets that nobody has sent in time: what needs them runs without. */
  readonly #missed = new Set<string>();
  #liveClusters: ReadonlyMap<string, Cluster> = new Map();
  #liveListeners: ReadonlyMap<string, Listener> = new Map();
  /** Types of which a new stream has not said anything yet; see `reopened`. */
  readonly #unsaid = new Set<ResourceType>();
  /** What ran before it, and what it has not named yet either. */
  readonly #parting = new Map<string, Cluster>();
  readonly #static: Pick<ProxyConfig, "listeners" | "clusters">;

  constructor(fromFile: Pick<ProxyConfig, "listeners" | "clusters">) {
    this.#static = fromFile;
  }

  /**
   * The next responses come over a new stream. Whoever serves it does not know what runs here, and
   * so cannot take clusters away last: those that it never names stay until `types` have come,
   * which say who sends where.
   */
  reopened(types: readonly ResourceType[]): void {
    this.#unsaid.clear();
    for (const type of types) this.#unsaid.add(type);
    for (const [name, cluster] of this.#liveClusters) this.#parting.set(name, cluster);
  }

  /** Takes a response that was accepted whole. */
  apply<T extends ResourceType>(type: T, resources: ReceivedResources<T>): void {
    const models = resources as ReadonlyMap<string, never>;
    this.#unsaid.delete(type);
    if (type === "cluster") for (const name of models.keys()) this.#parting.delete(name);
    if (isWholeState(type)) {
      if (type === "cluster") this.#clusters = models;
      else this.#listeners = models;
    } else {
      const known = this.#named(type);
      for (const [name, model] of models) known.set(name, model);
    }
    this.#warm();
  }

  /** Names to ask EDS for. */
  get endpointNames(): string[] {
    return [...new Set(this.#allClusters().flatMap((cluster) => endpointNameOf(cluster) ?? []))];
  }

  /** Names to ask SDS for over this stream. */
  get secretNames(): string[] {
    return [...new Set(this.#secretRefs().map(({ name }) => name))];
  }

  /** How long what waits for secrets waits; 0: for ever; undefined: nothing does. */
  get secretFetchMs(): number | undefined {
    const awaited = this.#secretRefs().filter(({ name }) => !this.#isSettled(name));
    if (awaited.length === 0) return undefined;
    const times = awaited.map(fetchTimeoutMsOf);
    return times.includes(0) ? 0 : Math.max(...times);
  }

  /** Waits no longer for the secrets that have not come (Envoy: `initial_fetch_timeout`). */
  missSecrets(): void {
    for (const name of this.secretNames) if (!this.#secrets.has(name)) this.#missed.add(name);
    this.#warm();
  }

  /** Names to ask RDS for. */
  get routeNames(): string[] {
    return [...new Set(this.#allListeners().flatMap(routeNamesOf))];
  }

  /** True where nothing that was announced is still awaited. */
  get warm(): boolean {
    const hasEndpoints = this.endpointNames.every((name) => this.#endpoints.has(name));
    return hasEndpoints && this.#routesKnown && this.secretFetchMs === undefined;
  }

  /** What may be run now. */
  config(): ProxyConfig {
    const clusters = [...this.#static.clusters, ...this.#running().values()];
    const listeners = [...this.#static.listeners, ...this.#liveListeners.values()];
    return {
      clusters,
      listeners,
      endpoints: pick(
        this.#endpoints,
        clusters.flatMap((cluster) => endpointNameOf(cluster) ?? []),
      ),
      routes: pick(this.#routes, listeners.flatMap(routeNamesOf)),
      secrets: pick(this.#secrets, [...clusters, ...listeners].flatMap(secretNamesOf)),
    };
  }

  #secretRefs(): SecretRef[] {
    return [...this.#allClusters(), ...this.#allListeners()].flatMap(secretsFromAds);
  }

  #named(type: ResourceType): Map<string, unknown> {
    if (type === "secret") return this.#secrets;
    return type === "endpoint" ? this.#endpoints : this.#routes;
  }

  #isSettled(secret: string): boolean {
    return this.#secrets.has(secret) || this.#missed.has(secret);
  }

  #hasSecrets(resource: Cluster | Listener): boolean {
    return secretNamesOf(resource).every((name) => this.#isSettled(name));
  }

  #allClusters(): Cluster[] {
    return [...this.#static.clusters, ...this.#clusters.values()];
  }

  #allListeners(): Listener[] {
    return [...this.#static.listeners, ...this.#listeners.values()];
  }

  /** Lets in what is complete; what nobody names any more is forgotten. */
  #warm(): void {
    this.#liveClusters = settle(this.#clusters, this.#liveClusters, (cluster) => {
      const name = endpointNameOf(cluster);
      return (name === undefined || this.#endpoints.has(name)) && this.#hasSecrets(cluster);
    });
    this.#liveListeners = settle(
      this.#listeners,
      this.#liveListeners,
      (listener) =>
        routeNamesOf(listener).every((name) => this.#routes.has(name)) &&
        this.#hasSecrets(listener),
    );
    if (this.#unsaid.size === 0 && this.#routesKnown) this.#parting.clear();
    const clusters = [...this.#allClusters(), ...this.#running().values()];
    const listeners = [...this.#allListeners(), ...this.#liveListeners.values()];
    keep(this.#endpoints, new Set(clusters.flatMap((cluster) => endpointNameOf(cluster) ?? [])));
    keep(this.#routes, new Set(listeners.flatMap(routeNamesOf)));
    const secrets = new Set([...clusters, ...listeners].flatMap(secretNamesOf));
    keep(this.#secrets, secrets);
    for (const name of this.#missed) if (!secrets.has(name)) this.#missed.delete(name);
  }

  #running(): ReadonlyMap<string, Cluster> {
    return new Map([...this.#parting, ...this.#liveClusters]);
  }

  get #routesKnown(): boolean {
    return this.routeNames.every((name) => this.#routes.has(name));
  }
}

/** The wanted ones that are ready; for one that is not, the one that ran before, if any. */
function settle<T>(
  wanted: ReadonlyMap<string, T>,
  live: ReadonlyMap<string, T>,
  isReady: (one: T) => boolean,
): ReadonlyMap<string, T> {
  const settled = new Map<string, T>();
  for (const [name, one] of wanted) {
    const before = live.get(name);
    if (isReady(one)) settled.set(name, one);
    else if (before !== undefined) settled.set(name, before);
  }
  return settled;
}

function keep(known: Map<string, unknown>, names: ReadonlySet<string>): void {
  for (const name of known.keys()) if (!names.has(name)) known.delete(name);
}

function pick<T>(known: ReadonlyMap<string, T>, names: readonly string[]): T[] {
  return [...new Set(names)].flatMap((name) => known.get(name) ?? []);
}

/** The name to ask EDS for; undefined for clusters that have or find their endpoints. */
export function endpointNameOf(cluster: Cluster): string | undefined {
  return cluster.discovery === "eds" ? cluster.edsServiceName || cluster.name : undefined;
}

/** The secrets that come over the ADS stream. */
function secretsFromAds(resource: Cluster | Listener): readonly SecretRef[] {
  const refs: readonly SecretRef[] =
    "filterChains" in resource ? secretsOfListener(resource) : secretsOfCluster(resource);
  return refs.filter(({ source }) => source.kind === "ads");
}

function secretNamesOf(resource: Cluster | Listener): string[] {
  return secretsFromAds(resource).map(({ name }) => name);
}

function routeNamesOf(listener: Listener): string[] {
  return [...listener.filterChains, listener.defaultFilterChain].flatMap((chain) => {
    const filter = chain?.filter;
    return filter?.kind === "http" && filter.routes.kind === "rds" ? [filter.routes.name] : [];
  });
}
