import type { Clock } from "../../base/clock.ts";
import type { Registry } from "../../metrics/registry.ts";
import { type Address, formatAddress } from "../../model/address.ts";
import type { Bootstrap, ProxyConfig } from "../../model/bootstrap.ts";
import type { Listener } from "../../model/listener.ts";
import type { Secret } from "../../model/transport/secret.ts";
import type { ClusterRow, ListenerRow } from "../admin/admin-source.ts";
import type { CircuitRow } from "../circuit/circuit-row.ts";
import type { MeshCircuits } from "../circuit/mesh/mesh-circuits.ts";
import { SharedCircuits } from "../circuit/shared-circuits.ts";
import { ownPortOf } from "../cluster/own-port.ts";
import { SharedFaults } from "../filters/fault/fault-counts.ts";
import {
  type HeldSocket,
  type Inheritance,
  NOTHING_INHERITED,
  shareOf,
} from "../graceful/inheritance.ts";
import { SharedBuckets } from "../limits/shared-buckets.ts";
import { releaseAll, sharedUse } from "../limits/shared-limits.ts";
import type { Binding } from "../listener/bound-socket.ts";
import type { Discouraging } from "../listener/listener-set.ts";
import { lastRefused, type RefusedRequest } from "../listener/refused/refused-requests.ts";
import type { Plane } from "../main.ts";
import { outliersOf, type SharedOutliers } from "../outlier/shared/shared-outliers.ts";
import { DEFAULT_OVERLOAD } from "../overload/overload.ts";
import type { ContextCertificates } from "../secrets/context-certificates.ts";
import { newTicketSecret } from "../tls/session/ticket-keys.ts";
import type { CountingParts } from "./assemble.ts";
import { ClusterRows } from "./cluster-rows.ts";
import type { Preparation } from "./message.ts";
import { SharedUse } from "./shared-use.ts";
import { type ThreadOwner, WorkerGone, WorkerThread } from "./worker-thread.ts";

export interface FleetOptions {
  /** How many threads serve. */
  readonly workers: number;
  readonly bootstrap: Bootstrap;
  readonly version: string;
  readonly carrying: boolean;
  readonly clock: Clock;
  readonly counting: CountingParts;
  readonly onNotice: (notice: string) => void;
  readonly inherited: Inheritance;
}

/** A worker that lived so long has not failed to start: its successor comes at once. */
const STABLE_MS = 10_000;
/** After the second quick end in a row, doubled from one to the next. */
const RESPAWN_MS = 100;
const RESPAWN_MAX_MS = 30_000;
/** A worker that does not answer for so long has run wild, and would hold up all others. */
const ANSWER_MS = 60_000;
/** What a worker may take beyond its grace. */
const STOP_MS = 700;

const NOTHING: ProxyConfig = { listeners: [], routes: [], clusters: [], endpoints: [] };

/** The worker that has the addresses which cannot be shared. */
const FIRST_SLOT = 0;

/**
 * A data plane on several threads. All of them take a configuration, or none does: it is prepared
 * in each, and committed where all could prepare it. A worker that ends is replaced.
 */
export class Fleet implements Plane, ThreadOwner {
  readonly #options: FleetOptions;
  readonly #use: SharedUse;
  readonly #buckets = new SharedBuckets();
  readonly #faults: SharedFaults;
  readonly #circuits: SharedCircuits;
  readonly #outliers: SharedOutliers;
  /** What successors begin with. */
  readonly #secrets = new Map<string, Secret>();
  readonly #threads: WorkerThread[];
  readonly #ticketSecret = newTicketSecret();
  /** Connections of clients, over all workers. */
  readonly #connections: Int32Array;
  /** By slot: when its worker began, and how many have ended soon after. */
  readonly #begunMs: number[] = [];
  readonly #quickEnds: number[] = [];
  /** Until the first configuration has it. */
  #inherited: Inheritance;
  #config: ProxyConfig = NOTHING;
  #addresses: ReadonlyMap<string, Address> = new Map();
  #turn: Promise<unknown> = Promise.resolve();
  #complete = false;
  /** What successors are told as well. */
  #discouraging: Discouraging | undefined;
  #draining: Discouraging | undefined;
  #stopping = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#inherited = options.inherited;
    this.#connections = sharedUse(options.workers);
    this.#use = new SharedUse(options.workers, options.counting.telemetry);
    this.#faults = new SharedFaults(options.workers);
    const { clock, counting } = options;
    this.#circuits = new SharedCircuits(clock, options.workers, counting.telemetry);
    this.#outliers = outliersOf(options, (slot, orders) =>
      this.#threads[slot]?.tellOutliers(orders),
    );
    this.#threads = Array.from({ length: options.workers }, (_, slot) => this.#begin(slot));
    for (const thread of this.#threads) thread.state = "serving";
  }

  get registry(): Registry {
    return this.#options.counting.telemetry.registry;
  }

  get config(): ProxyConfig {
    return this.#config;
  }

  /** All have begun to serve once, and some serve now. */
  get ready(): boolean {
    const serving = this.#serving.length;
    this.#complete ||= serving === this.#threads.length;
    return this.#complete && serving > 0;
  }

  /** The threads by slot, for tests that end one. */
  get threads(): readonly WorkerThread[] {
    return this.#threads;
  }

  apply(config: ProxyConfig): Promise<void> {
    return this.#inTurn(() => this.#apply(config));
  }

  get listeners(): readonly ListenerRow[] {
    return this.#config.listeners.flatMap(({ name, address, bindToPort }) => {
      const bound = this.#addresses.get(name) ?? address;
      return bindToPort ? [{ name, address: bound }] : [];
    });
  }

  async clusters(): Promise<readonly ClusterRow[]> {
    const rows = new ClusterRows(this.#outliers);
    await this.#askAll(async (thread) => {
      for await (const some of thread.endpoints()) rows.add(some);
    });
    return rows.rows(this.#config, this.#options.bootstrap);
  }

  get meshCircuits(): MeshCircuits {
    return this.#circuits;
  }

  circuits(): readonly CircuitRow[] {
    return this.#circuits.rows();
  }

  async held(): Promise<readonly HeldSocket[]> {
    const bySlot: (readonly HeldSocket[])[] = [];
    await this.#askAll(async (thread) => {
      bySlot[thread.slot] = await thread.ask("held", undefined);
    });
    return bySlot.flat();
  }

  async refused(): Promise<readonly RefusedRequest[]> {
    const lists: (readonly RefusedRequest[])[] = [];
    await this.#askAll(async (thread) => lists.push(await thread.ask("refused", undefined)));
    return lastRefused(lists);
  }

  supply(secrets: ReadonlyMap<string, Secret | undefined>): void {
    for (const [key, secret] of secrets) {
      if (secret === undefined) this.#secrets.delete(key);
      else this.#secrets.set(key, secret);
    }
    void this.#askAll((thread) => thread.ask("secrets", secrets));
  }

  async certificates(): Promise<readonly ContextCertificates[]> {
    const [thread] = this.#serving;
    return thread === undefined ? [] : await thread.ask("certificates", undefined);
  }

  async resetCounters(): Promise<void> {
    this.registry.resetCounters();
    await this.#askAll((thread) => thread.ask("resetCounters", undefined));
  }

  discourage(discouraging: Discouraging | undefined): void {
    this.#discouraging = discouraging;
    void this.#askAll((thread) => thread.ask("discourage", discouraging));
  }

  drain(discouraging: Discouraging): void {
    this.#draining = discouraging;
    void this.#askAll((thread) => thread.ask("drain", discouraging));
  }

  reopenLogs(): void {
    this.#options.counting.accessLogs.reopen();
  }

  async stop(graceMs: number, patienceMs = 0): Promise<void> {
    this.#stopping = true;
    const end = (): void => {
      for (const thread of this.#threads) void thread.terminate();
    };
    const late = this.#options.clock.after(graceMs + STOP_MS, end);
    await this.#askAll((thread) => thread.ask("stop", { graceMs, patienceMs }));
    late.cancel();
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
    await this.#options.counting.accessLogs.close();
  }

  onNotice(notice: string): void {
    this.#options.onNotice(notice);
  }

  onLogLines(path: string, text: string, lines: number): void {
    try {
      this.#options.counting.accessLogs.sink(path).write(text, lines);
    } catch (error) {
      this.onNotice(`${lines} lines of ${path} are lost: ${(error as Error).message}`);
    }
  }

  onOutliers({ slot }: WorkerThread, news: Parameters<SharedOutliers["hear"]>[1]): void {
    this.#outliers.hear(slot, news);
  }

  onExit(thread: WorkerThread, reason: string): void {
    const { slot } = thread;
    const { clock } = this.#options;
    this.#use.end(slot);
    this.#faults.end(slot);
    this.#circuits.end(slot);
    this.#outliers.end(slot);
    releaseAll(this.#connections, slot);
    if (this.#stopping) return;
    const quick = clock.now() - (this.#begunMs[slot] ?? 0) < STABLE_MS;
    const ends = quick ? (this.#quickEnds[slot] ?? 0) + 1 : 0;
    this.#quickEnds[slot] = ends;
    const delayMs = ends < 2 ? 0 : Math.min(RESPAWN_MAX_MS, RESPAWN_MS * 2 ** (ends - 2));
    this.onNotice(`worker ${slot} has ended and is replaced: ${reason}`);
    clock.after(delayMs, () => this.#replace(slot));
  }

  get #serving(): readonly WorkerThread[] {
    return this.#threads.filter(({ state }) => state === "serving");
  }

  #begin(slot: number): WorkerThread {
    const { bootstrap, version, carrying, clock } = this.#options;
    this.#begunMs[slot] = clock.now();
    const { node, overload = DEFAULT_OVERLOAD } = bootstrap;
    const ownPort = ownPortOf(bootstrap);
    const start = { slot, node, version, carrying, overload, ownPort };
    const shared = { ticketSecret: this.#ticketSecret, connections: this.#connections };
    const thread = new WorkerThread({ ...start, ...shared }, this.registry, this);
    // Before any configuration that leans on them.
    if (this.#secrets.size > 0) void thread.ask("secrets", this.#secrets).catch(() => undefined);
    return thread;
  }

  /** One change of configuration at a time, a successor's first one included. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #apply(config: ProxyConfig): Promise<void> {
    openLogs(config.listeners, this.#options.counting);
    const use = this.#use.prepare(config.clusters);
    const buckets = this.#buckets.prepare(config);
    const faults = this.#faults.cellsFor(config);
    const circuits = this.#circuits.prepare(config);
    const cells = { use: use.fresh, buckets: buckets.cells, faults };
    const shared = { ...cells, circuits: circuits.memories };
    const prepared = await this.#prepareAll(config, shared);
    this.#addresses = prepared.addresses;
    this.#config = config;
    use.commit();
    buckets.commit();
    circuits.commit();
    await Promise.all(prepared.threads.map((thread) => this.#commit(thread, config)));
    this.#inherited = NOTHING_INHERITED;
  }

  /** In the first worker, which chooses ports and meets most errors; then in all others. */
  async #prepareAll(
    config: ProxyConfig,
    shared: Omit<Preparation, "names" | "binding">,
  ): Promise<{ threads: readonly WorkerThread[]; addresses: ReadonlyMap<string, Address> }> {
    const threads: WorkerThread[] = [];
    const addresses = new Map<string, Address>();
    const refusals: Error[] = [];
    const prepareOne = async (thread: WorkerThread, first: boolean): Promise<void> => {
      const binding = this.#bindingOf(thread, first, config, addresses);
      try {
        const found = await this.#within(thread, thread.prepare(config, { ...shared, binding }));
        threads.push(thread);
        for (const [name, address] of found) addresses.set(name, address);
      } catch (error) {
        if (!(error instanceof WorkerGone)) refusals.push(error as Error);
      }
    };
    const [first, ...others] = this.#serving;
    if (first !== undefined) await prepareOne(first, true);
    if (refusals.length === 0) {
      await Promise.all(others.map((thread) => prepareOne(thread, threads.length === 0)));
    }
    if (refusals.length === 0 && threads.length > 0) return { threads, addresses };
    await Promise.allSettled(threads.map((thread) => thread.abandon()));
    throw refusals[0] ?? new Error("no worker is there to serve it");
  }

  #bindingOf(
    { slot }: WorkerThread,
    first: boolean,
    config: ProxyConfig,
    found: ReadonlyMap<string, Address>,
  ): Binding {
    const before = new Map(this.#config.listeners.map((each) => [each.name, each]));
    const ports = new Map<string, number>();
    for (const listener of config.listeners) {
      const old = before.get(listener.name);
      const same = old !== undefined && sameAddress(old, listener);
      const known = found.get(listener.name) ?? (same ? this.#addresses.get(listener.name) : null);
      if (known?.kind === "socket") ports.set(listener.name, known.port);
    }
    const inherited = shareOf(this.#inherited, slot, this.#options.workers);
    return { shared: true, first, paths: slot === FIRST_SLOT, ports, inherited };
  }

  /** A worker that fails where nothing can be refused any more is out of step: it is replaced. */
  async #commit(thread: WorkerThread, config: ProxyConfig): Promise<void> {
    try {
      await this.#within(thread, thread.commit(config));
      thread.state = "serving";
      if (this.#discouraging !== undefined) await thread.ask("discourage", this.#discouraging);
      if (this.#draining !== undefined) await thread.ask("drain", this.#draining);
    } catch (error) {
      if (error instanceof WorkerGone) return;
      this.onNotice(`worker ${thread.slot} failed to swap: ${(error as Error).message}`);
      await thread.terminate();
    }
  }

  /** Ends a worker that does not answer: what it was asked is then rejected. */
  async #within<T>(thread: WorkerThread, answer: Promise<T>): Promise<T> {
    const late = this.#options.clock.after(ANSWER_MS, () => {
      this.onNotice(`worker ${thread.slot} does not answer`);
      void thread.terminate();
    });
    return await answer.finally(() => late.cancel());
  }

  #replace(slot: number): void {
    if (this.#stopping) return;
    const thread = this.#begin(slot);
    this.#threads[slot] = thread;
    void this.#inTurn(() => this.#join(thread));
  }

  /** A successor begins with what the others serve. */
  async #join(thread: WorkerThread): Promise<void> {
    const config = this.#config;
    const binding = this.#bindingOf(thread, false, config, this.#addresses);
    const faults = this.#faults.cellsFor(config);
    const circuits = this.#circuits.memories;
    const shared = { use: this.#use.all, buckets: this.#buckets.all, faults, circuits };
    try {
      await this.#within(thread, thread.prepare(config, { ...shared, binding }));
    } catch (error) {
      if (error instanceof WorkerGone) return;
      this.onNotice(`worker ${thread.slot} cannot join: ${(error as Error).message}`);
      await thread.terminate();
      return;
    }
    await this.#commit(thread, config);
  }

  /** Those that end meanwhile have nothing to say. */
  async #askAll(ask: (thread: WorkerThread) => Promise<unknown>): Promise<void> {
    await Promise.allSettled(this.#threads.map(ask));
  }
}

function sameAddress(one: Listener, other: Listener): boolean {
  return formatAddress(one.address) === formatAddress(other.address);
}

/** Throws where a log cannot be opened: the main thread writes them, the workers do not look. */
function openLogs(listeners: readonly Listener[], { accessLogs }: CountingParts): void {
  for (const { filterChains, defaultFilterChain } of listeners) {
    const chains = defaultFilterChain === undefined ? [] : [defaultFilterChain];
    for (const { filter } of filterChains.concat(chains)) {
      for (const { path } of filter.accessLogs) accessLogs.sink(path);
    }
  }
}
