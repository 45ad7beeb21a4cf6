import { Slices } from "../../base/slices.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { BalanceContext } from "../balance/balancer.ts";
import type { Hash64 } from "../balance/hash/hash64.ts";
import { PeakEwma } from "../balance/peak-ewma.ts";
import {
  type BalanceSettings,
  type BuiltChoice,
  buildChoice,
} from "../balance/priority/build-choice.ts";
import type { Placed } from "../balance/priority/host-set.ts";
import type { PriorityChoice } from "../balance/priority/priority-choice.ts";
import type { Faults } from "../faults.ts";
import type { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import type { Host } from "./host.ts";

/** With more hosts the choice is built in slices also when only health has changed. */
const AT_ONCE_MAX = 256;

/** Hosts that are noted before others get their turn. */
const SLICE = 256;

/** The hosts of a cluster and where discovery has put them. */
export interface Placement {
  readonly placed: readonly Placed<Host>[];
  readonly overprovisioningFactor: number;
}

export interface HostBalanceContext extends BalanceContext {
  readonly faults: Faults;
}

/** Which host a request goes to, while hosts, their health and the configuration change. */
export class HostBalance {
  readonly #stats: ClusterStats;
  readonly #context: HostBalanceContext;
  readonly #onHosts: () => void;
  #placement: Placement = { placed: [], overprovisioningFactor: 100 };
  #choice: PriorityChoice<Host> | undefined;
  #byHash = false;
  /** Counts what was built, so that older work that is still under way can see that it is late. */
  #turn = 0;
  /** Counts how often health has changed. */
  #renewals = 0;
  /** Something is being built in slices; what shall be built after it. */
  #busy = false;
  #next: Cluster | undefined;

  /** `onHosts`: hears each time that other hosts may be picked than before. */
  constructor(stats: ClusterStats, context: HostBalanceContext, onHosts: () => void = ignore) {
    this.#stats = stats;
    this.#context = context;
    this.#onHosts = onHosts;
  }

  /** Makes ready for these hosts, a piece at a time. What comes back swaps them in. */
  *prepare(placement: Placement, config: Cluster): Generator<void, () => void> {
    const renewals = this.#renewals;
    const built = yield* this.#build(placement, config);
    return () => {
      this.#placement = placement;
      this.#install(built, config);
      // Hosts' health has changed since the choice was drawn up.
      if (this.#renewals !== renewals) this.renew(config);
    };
  }

  /** The health of hosts, or how they are balanced, has changed. */
  renew(config: Cluster): void {
    this.#renewals++;
    if (this.#placement.placed.length <= AT_ONCE_MAX) {
      this.#install(allAtOnce(this.#build(this.#placement, config)), config);
      return;
    }
    this.#renewInSlices(config);
  }

  /** What is being built is no longer wanted, nor shown. */
  stop(): void {
    this.#turn++;
    this.#next = undefined;
  }

  /** What changes meanwhile is built next, so that hosts that come and go hold up nothing. */
  #renewInSlices(config: Cluster): void {
    this.#next = config;
    if (this.#busy) return;
    this.#work().catch((error: unknown) => this.#context.faults.report(error));
  }

  async #work(): Promise<void> {
    this.#busy = true;
    try {
      const slices = new Slices(this.#context.clock);
      for (let config = this.#take(); config !== undefined; config = this.#take()) {
        const turn = this.#turn;
        const steps = this.#build(this.#placement, config);
        const built = await slices.run(this.#unlessLate(steps, turn));
        if (built !== undefined && turn === this.#turn) this.#install(built, config);
      }
    } finally {
      this.#busy = false;
    }
  }

  #take(): Cluster | undefined {
    const config = this.#next;
    this.#next = undefined;
    return config;
  }

  /** A host for a request, undefined where there is none. */
  pick(hash: Hash64, attempt: number): Host | undefined {
    const choice = this.#choice;
    if (choice === undefined) return undefined;
    const host = choice.pick(hash, attempt);
    // A hash panics once, however many of its hosts are turned down.
    if (choice.panicked && (attempt === 0 || !this.#byHash)) this.#stats.count("lb_healthy_panic");
    return host;
  }

  *#build(placement: Placement, config: Cluster): Generator<void, BuiltChoice<Host>> {
    yield* note(placement.placed, config, this.#context.clock.now());
    return yield* buildChoice(placement.placed, settingsOf(config, placement), this.#context);
  }

  *#unlessLate<T>(steps: Generator<void, T>, turn: number): Generator<void, T | undefined> {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      if (turn !== this.#turn) return undefined;
      yield;
    }
  }

  #install({ choice, healthy, degraded, sizes }: BuiltChoice<Host>, config: Cluster): void {
    this.#turn++;
    this.#choice = choice;
    this.#byHash = isHashing(config);
    this.#stats.health(healthy, degraded);
    if (!this.#byHash) this.#stats.noHashing();
    this.#onHosts();
    if (sizes === undefined) return;
    if (config.lbPolicy === "maglev") this.#stats.hashing().maglev(sizes);
    else this.#stats.hashing().ring(sizes);
  }
}

function ignore(): void {
  // Nobody waits for hosts.
}

function isHashing({ lbPolicy }: Cluster): boolean {
  return lbPolicy === "ringHash" || lbPolicy === "maglev";
}

/** A slow start begins when a host is first seen healthy, or again after failed health checks. */
function* note(
  placed: readonly Placed<Host>[],
  config: Cluster,
  nowMs: number,
): Generator<void, void> {
  const measures = config.lbPolicy === "peakEwma";
  for (const [i, { host }] of placed.entries()) {
    if (i % SLICE === 0) yield;
    host.hashKey = hashKeyOf(host, config);
    if (host.failedCheck) host.healthySinceMs = -1;
    else if (host.healthySinceMs < 0 && host.health === "healthy") host.healthySinceMs = nowMs;
    if (measures) host.rtt ??= new PeakEwma(config.balancing.peakEwma, nowMs);
    else host.rtt = undefined;
  }
}

/** Envoy: ThreadAwareLoadBalancerBase::HashingLoadBalancer::hashKey. */
function hashKeyOf({ endpoint, text }: Host, { balancing }: Cluster): string {
  if (endpoint.hashKey !== "") return endpoint.hashKey;
  return balancing.useHostnameForHashing ? endpoint.hostname : text;
}

function settingsOf(config: Cluster, placement: Placement): BalanceSettings {
  const { lbPolicy, choiceCount, balancing, failureAccrual, healthyPanicThreshold } = config;
  return {
    policy: lbPolicy === "clusterProvided" ? "roundRobin" : lbPolicy,
    choiceCount,
    options: balancing,
    // Requests wait where hosts are shut: a panic would send them there.
    panicThreshold: failureAccrual === undefined ? healthyPanicThreshold : 0,
    overprovisioningFactor: placement.overprovisioningFactor,
  };
}

/** Runs to the end in one go. */
export function allAtOnce<T>(steps: Generator<void, T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}
