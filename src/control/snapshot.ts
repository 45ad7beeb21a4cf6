import type { Diagnostic } from "../base/diagnostic.ts";
import type { Node, ProxyConfig } from "../model/bootstrap.ts";
import type { Mesh, Pod } from "../model/mesh.ts";
import type { Secret } from "../model/transport/secret.ts";
import type { Snapshot, SnapshotSource } from "./server/snapshot-source.ts";
import { inboundConfig, type OutboundConfig, outboundConfig } from "./snapshot/build.ts";
import { type Client, relevantLabels } from "./snapshot/client.ts";
import { inconsistencies } from "./snapshot/consistent.ts";
import { Interner } from "./snapshot/intern.ts";
import { withIpv6 } from "./snapshot/ipv6/twins.ts";
import { credentialsFor } from "./snapshot/mutual-tls/credentials.ts";
import { addressOf, clientOf, identityOf } from "./snapshot/proxy-identity.ts";
import { envoyLosses } from "./snapshot/resilience/envoy-findings.ts";

/** What snapshots are made from, at one moment. */
export interface World {
  /** With an address for each service. */
  readonly mesh: Mesh;
  readonly pods: readonly Pod[];
  /** By which peers are verified, for whoever asks over ADS; left out: there is no authority. */
  readonly trust?: Secret | undefined;
}

const NOTHING: ProxyConfig = { listeners: [], routes: [], clusters: [], endpoints: [] };

/**
 * Makes one snapshot a proxy, when it is asked for. What clients of one namespace share is made
 * once; resources that did not change stay the same objects. A snapshot that refers to nothing is
 * refused whole: the proxy keeps its last good one, and `problems` says why.
 */
export class SnapshotStore implements SnapshotSource {
  #world: World | undefined;
  #podsByName: ReadonlyMap<string, Pod> = new Map();
  readonly #interner = new Interner();
  #outbound = new Map<string, OutboundConfig>();
  #fresh = new Map<string, Snapshot>();
  /** Of the proxies that asked before the world last changed. */
  #lastGood: ReadonlyMap<string, Snapshot> = new Map();
  readonly #problems = new Map<string, readonly Diagnostic[]>();
  /** What of the mesh the proxies that asked cannot execute. */
  #losses: readonly Diagnostic[] = [];
  #toldLosses = "";
  readonly #hearers = new Set<(found: readonly Diagnostic[]) => void>();
  readonly #listeners = new Set<() => void>();

  /** From now on this holds. Nobody is told before `publish`. */
  setWorld(world: World): void {
    this.#world = world;
    this.#podsByName = new Map(world.pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]));
    this.#interner.nextGeneration();
    this.#outbound = new Map();
    this.#lastGood = this.#fresh;
    this.#fresh = new Map();
    this.#problems.clear();
    this.#losses = [];
  }

  /** Tells the subscribers that there may be other snapshots. */
  publish(): void {
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is found only when some proxy asks, once each time that it differs. */
  onFinding(hearer: (found: readonly Diagnostic[]) => void): void {
    this.#hearers.add(hearer);
  }

  #lose(losses: readonly Diagnostic[]): void {
    this.#losses = losses;
    const text = JSON.stringify(losses);
    if (losses.length === 0 || text === this.#toldLosses) return;
    this.#toldLosses = text;
    for (const hearer of this.#hearers) hearer(losses);
  }

  /** Snapshots that were refused since the world last changed, and what some of them leave out. */
  get problems(): readonly Diagnostic[] {
    return [...[...this.#problems.values()].flat(), ...this.#losses];
  }

  snapshotFor(node: Node): Snapshot | undefined {
    const world = this.#world;
    if (world === undefined) return undefined;
    const key = keyOf(node);
    const known = this.#fresh.get(key);
    if (known !== undefined) return known;
    const made = this.#make(node, world) ?? this.#lastGood.get(key);
    if (made === undefined) return undefined;
    this.#fresh.set(key, made);
    return made;
  }

  /** The pod of this name, where there is one. */
  podNamed(namespace: string, name: string): Pod | undefined {
    return this.#podsByName.get(`${namespace}/${name}`);
  }

  /** Undefined where the snapshot is refused. */
  #make(node: Node, world: World): Snapshot | undefined {
    const identity = identityOf(node);
    const pod = this.#podsByName.get(`${identity.namespace}/${identity.pod}`);
    const client = clientOf(identity, pod, addressOf(node));
    const outbound = this.#outboundFor(client, world);
    if (!client.listensAtNames) this.#lose(envoyLosses(world.mesh));
    const inbound =
      pod === undefined ? NOTHING : this.#interned(inboundConfig(world.mesh, pod, client));
    const both = {
      listeners: [...outbound.listeners, ...inbound.listeners],
      routes: outbound.routes,
      clusters: [...outbound.clusters, ...inbound.clusters],
      endpoints: outbound.endpoints,
    };
    const config = pod?.ipv6Address === undefined ? both : this.#interned(withIpv6(both));
    const problems = inconsistencies(config, outbound.absent);
    const trust = world.trust === undefined ? [] : [world.trust];
    const secrets = [...trust, ...credentialsFor(world.mesh, pod, config.clusters)];
    if (problems.length === 0) {
      return { version: this.#versionOf(config, secrets), ...config, secrets };
    }
    this.#problems.set(
      node.id,
      problems.map((problem) => refusal(node, problem)),
    );
    return undefined;
  }

  #outboundFor(client: Client, { mesh, pods }: World): OutboundConfig {
    const labels = relevantLabels(mesh, client.labels);
    const key = JSON.stringify({ ...client, labels });
    const known = this.#outbound.get(key);
    if (known !== undefined) return known;
    const made = outboundConfig(mesh, pods, client);
    const kept = { ...this.#interned(made), absent: made.absent };
    this.#outbound.set(key, kept);
    return kept;
  }

  #interned(config: ProxyConfig): ProxyConfig {
    const intern = <T extends object>(each: T): T => this.#interner.intern(each);
    return {
      listeners: config.listeners.map(intern),
      routes: config.routes.map(intern),
      clusters: config.clusters.map(intern),
      endpoints: config.endpoints.map(intern),
    };
  }

  #versionOf(
    { listeners, routes, clusters, endpoints }: ProxyConfig,
    secrets: readonly Secret[],
  ): string {
    const own = secrets.map((secret) => this.#interner.intern(secret));
    return this.#interner.versionOf([
      ...[...listeners, ...routes, ...clusters, ...endpoints],
      ...own,
    ]);
  }
}

/** All that a snapshot is made by: of two who call themselves the same, each gets its own. */
function keyOf(node: Node): string {
  return JSON.stringify([node.id, identityOf(node)]);
}

function refusal(node: Node, problem: string): Diagnostic {
  return {
    code: "OUT0602",
    severity: "error",
    message: `The configuration for ${node.id} is not sent: ${problem}`,
    hint: "the proxy keeps its last good configuration; this is a fault of Outrigger's",
  };
}
