import { Refusals } from "../base/refusals.ts";
import { Slices } from "../base/slices.ts";
import type { Address } from "../model/address.ts";
import type { ProxyConfig } from "../model/bootstrap.ts";
import { tlsContextsOf } from "../model/cluster.ts";
import type { CircuitRow } from "./circuit/circuit-row.ts";
import { Circuits } from "./circuit/circuits.ts";
import type { MeshCircuits } from "./circuit/mesh/mesh-circuits.ts";
import { type CircuitMemories, SharedCircuits } from "./circuit/shared-circuits.ts";
import { ClusterSet } from "./cluster/cluster-set.ts";
import type { ProxyContext } from "./cluster/upstream-cluster.ts";
import type { CompileScope, LoggersOf } from "./compile/compile-listener.ts";
import { RouteSlot } from "./compile/compiled-hcm.ts";
import { compileGeneration, type Generation, NO_GENERATION } from "./compile/generation.ts";
import { type FaultCells, FaultCounts } from "./filters/fault/fault-counts.ts";
import { JwtKeys } from "./filters/jwt/keys/jwt-keys.ts";
import { RateLimits } from "./filters/rate-limit/rate-limits.ts";
import { limitsByPlace, SharedBuckets } from "./limits/shared-buckets.ts";
import type { BucketCells } from "./limits/token-bucket.ts";
import { ALONE, type Binding } from "./listener/bound-socket.ts";
import { ListenerSet, type PreparedListeners } from "./listener/listener-set.ts";
import type { PeerHeaders } from "./telemetry/standard/peer-metadata.ts";

export interface DataPlaneOptions {
  readonly context: ProxyContext;
  readonly peerHeaders: PeerHeaders;
  /** What stands for this proxy in `x-forwarded-for`. */
  readonly localAddress: string;
  readonly loggersOf: LoggersOf;
}

/** A configuration that can be served: compiled, and its addresses bound. */
export interface PreparedConfig {
  /** Where its listeners will listen, by name. */
  readonly addresses: ReadonlyMap<string, Address>;
  /** Swaps it in. Refuses nothing any more. */
  commit(): Promise<void>;
  /** Forgets it; instead of `commit`. */
  abandon(): void;
}

/** What the threads of a proxy share; `worker`: the place of this one in it. */
export interface SharedCells {
  /** The buckets of rate limits, by the limits' places. */
  readonly buckets: ReadonlyMap<string, BucketCells>;
  readonly faults: FaultCells;
  readonly circuits: CircuitMemories;
  readonly worker: number;
}

/** Listeners, routes and clusters at work; swaps one configuration for the next as a whole. */
export class DataPlane {
  readonly clusters: ClusterSet;
  readonly listeners: ListenerSet;
  readonly #context: ProxyContext;
  readonly #scope: CompileScope;
  readonly #slices: Slices;
  readonly #routeSlots = new Map<string, RouteSlot>();
  readonly #buckets = new SharedBuckets();
  readonly #circuits: Circuits;
  /** What no other thread has. */
  readonly #ownCircuits: SharedCircuits;
  #generation: Generation = NO_GENERATION;
  #stopped = false;
  #config: ProxyConfig = { listeners: [], routes: [], clusters: [], endpoints: [] };

  constructor(options: DataPlaneOptions) {
    this.#context = options.context;
    const { clock, telemetry } = options.context;
    const { circuits: tables } = telemetry;
    this.#circuits = new Circuits({ tables, slotOf: (name) => this.clusters.slot(name) });
    this.#ownCircuits = new SharedCircuits(clock, 1, telemetry);
    options.context.overload.onShort(() => this.#circuits.kept.clear());
    this.clusters = new ClusterSet(options.context, (cluster) => this.#circuits.of(cluster));
    this.#slices = new Slices(options.context.clock);
    this.listeners = new ListenerSet(options.context);
    this.#scope = {
      ...options,
      clusters: this.clusters,
      rateLimits: new RateLimits(options.context.telemetry),
      circuits: this.#circuits,
      faultCounts: new FaultCounts(),
      jwtKeys: new JwtKeys({
        context: options.context,
        slotOf: (name) => this.clusters.slot(name),
      }),
      routeSlot: (name) => this.#routeSlot(name),
    };
  }

  /** What is served now. */
  get config(): ProxyConfig {
    return this.#config;
  }

  /** Its circuits, where it has them for itself. */
  get circuits(): readonly CircuitRow[] {
    return this.#ownCircuits.rows();
  }

  /** Those of them that are the whole mesh's. */
  get meshCircuits(): MeshCircuits {
    return this.#ownCircuits;
  }

  /** Swaps to another configuration as a whole, or rejects and changes nothing. One at a time. */
  async apply(config: ProxyConfig): Promise<void> {
    const prepared = await this.prepare(config);
    await prepared.commit();
  }

  /**
   * Makes before it breaks: compiles everything and binds new addresses. Rejects where something
   * cannot be compiled or an address cannot be bound. Each is committed or abandoned before the
   * next. `shared`: where other threads serve as well.
   */
  async prepare(
    config: ProxyConfig,
    binding: Binding = ALONE,
    shared?: SharedCells,
  ): Promise<PreparedConfig> {
    try {
      return await this.#prepare(config, binding, shared);
    } catch (error) {
      this.#forgetPrepared();
      throw error;
    }
  }

  async #prepare(
    config: ProxyConfig,
    binding: Binding,
    shared: SharedCells | undefined,
  ): Promise<PreparedConfig> {
    const refusals = new Refusals();
    const buckets = this.#buckets.prepare(config, shared?.buckets);
    if (shared !== undefined) this.#scope.faultCounts.learn(shared.faults, shared.worker);
    for (const [place, limit] of limitsByPlace(config)) {
      this.#scope.rateLimits.learn(limit, buckets.cells.get(place));
    }
    const circuits = shared === undefined ? this.#ownCircuits.prepare(config) : undefined;
    const memories = circuits?.memories ?? shared?.circuits ?? new Map();
    this.#circuits.learn(config, memories, shared?.worker ?? 0);
    this.#readCertificates(config, refusals);
    const next = compileGeneration(config, this.#generation, this.#scope, refusals);
    refusals.throwAny();
    const compiled = [...next.listeners.values()].map(({ result }) => result);
    const listeners = sameListeners(this.#generation, next)
      ? undefined
      : await this.listeners.prepare(compiled, binding);
    return {
      addresses: listeners?.addresses ?? this.listeners.addresses,
      commit: async () => {
        await this.#commit(config, next, listeners);
        buckets.commit();
        this.#circuits.commit();
        circuits?.commit();
      },
      abandon: () => {
        listeners?.abandon();
        this.#forgetPrepared();
      },
    };
  }

  /** Of the configuration that is not served after all. */
  #forgetPrepared(): void {
    this.#context.tls.retain(this.#config);
  }

  /**
   * Accepts nothing new, lets requests finish for `graceMs`, then closes what is left. Idle
   * connections have `patienceMs` for a request that is on its way.
   */
  async stop(graceMs: number, patienceMs = 0): Promise<void> {
    this.listeners.drain({ inboundOnly: false, patienceMs });
    const { clock } = this.#context;
    const endMs = clock.now() + graceMs;
    while (clock.now() < endMs && this.listeners.connectionCount > 0) {
      await new Promise<void>((resolve) => {
        clock.after(20, resolve);
        setImmediate(() => undefined);
      });
    }
    this.#stopped = true;
    this.listeners.destroy();
    this.#scope.jwtKeys.retain([]);
    this.clusters.drain();
    this.#context.tls.stop();
    this.#context.overload.stop();
  }

  /** Refuses clusters whose files cannot be used, before anything is changed. */
  #readCertificates({ clusters }: ProxyConfig, refusals: Refusals): void {
    for (const cluster of clusters) {
      for (const tls of tlsContextsOf(cluster)) {
        refusals.attempt(`cluster ${cluster.name}`, () => this.#context.tls.client(tls));
      }
    }
  }

  /** Prepares the clusters, a slice a turn; then swaps clusters, routes and listeners at once. */
  async #commit(
    config: ProxyConfig,
    next: Generation,
    listeners: PreparedListeners | undefined,
  ): Promise<void> {
    this.#slices.begin();
    const swap = await this.#slices.run(this.clusters.prepare(config.clusters, config.endpoints));
    if (this.#stopped) {
      swap();
      listeners?.abandon();
      return;
    }
    this.#generation = next;
    this.#config = config;
    swap();
    this.#context.tls.retain(config);
    for (const [name, { result }] of next.routes) this.#routeSlot(name).table = result;
    for (const [name, slot] of this.#routeSlots) if (!next.routes.has(name)) slot.table = undefined;
    this.#scope.jwtKeys.retain(config.listeners);
    listeners?.commit();
  }

  #routeSlot(name: string): RouteSlot {
    let slot = this.#routeSlots.get(name);
    if (slot === undefined) {
      slot = new RouteSlot(name);
      this.#routeSlots.set(name, slot);
    }
    return slot;
  }
}

function sameListeners(a: Generation, b: Generation): boolean {
  if (a.listeners.size !== b.listeners.size) return false;
  return [...b.listeners].every(([name, one]) => a.listeners.get(name)?.result === one.result);
}
