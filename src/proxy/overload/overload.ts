import type { Socket } from "node:net";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { ENVOY_THRESHOLDS, type Thresholds } from "../../model/cluster.ts";
import type {
  OverloadActionName,
  OverloadConfig,
  OverloadTrigger,
  TimerFloor,
} from "../../model/overload/overload.ts";
import type { Limits } from "../limits/limits.ts";
import { type DescriptorBounds, descriptorOf } from "./descriptors.ts";
import type { OverloadStats } from "./overload-stats.ts";
import type { ReadPressure } from "./pressure.ts";

/** Without an overload manager in the bootstrap: memory that runs out sheds load. */
export const DEFAULT_OVERLOAD: OverloadConfig = {
  refreshIntervalMs: 250,
  monitors: [{ kind: "memory", name: "outrigger.resource_monitors.memory" }],
  maxDownstreamConnections: undefined,
  actions: [
    memoryAction("disable_http_keepalive", 0.92),
    memoryAction("stop_accepting_requests", 0.95),
  ],
};

function memoryAction(name: OverloadActionName, at: number): OverloadConfig["actions"][number] {
  const resource = "outrigger.resource_monitors.memory";
  return { name, triggers: [{ resource, from: at, to: at }], idleFloor: undefined };
}

/** When one of these begins, what is kept for convenience alone is let go. */
const SPARING: ReadonlySet<OverloadActionName> = new Set([
  "shrink_heap",
  "disable_http_keepalive",
  "stop_accepting_requests",
]);

/** Who accepts connections: told when to leave them waiting, and when idle ones have less time. */
export interface OverloadListener {
  onAccepting(accepting: boolean): void;
  onIdleTimeouts(): void;
}

export interface OverloadOptions {
  readonly config: OverloadConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly stats: OverloadStats;
  readonly readPressure: ReadPressure;
  readonly bounds: DescriptorBounds;
  /** Of them `maxRequests` bounds the connections of clients: see `connectionThresholds`. */
  readonly connections: Limits;
}

/** What holds the clients of a proxy to the configured number, and to what descriptors allow. */
export function connectionThresholds(
  { maxDownstreamConnections = Number.POSITIVE_INFINITY }: OverloadConfig,
  { connectionsMax }: DescriptorBounds,
): Thresholds {
  const maxRequests = Math.min(maxDownstreamConnections, connectionsMax);
  return { ...ENVOY_THRESHOLDS, maxRequests };
}

/** Why a connection is not accepted, as Envoy's statistic of the listener names it. */
export type ConnectionRefusal = "downstream_global_cx_overflow" | "downstream_cx_overload_reject";

/**
 * What one thread does about too much load (Envoy: OverloadManagerImpl): looks at resources now
 * and then, and keeps how strong each action is. Whoever acts asks at the moment it matters.
 */
export class Overload {
  readonly #options: OverloadOptions;
  readonly #pressures = new Map<string, number>();
  readonly #strengths = new Map<OverloadActionName, number>();
  readonly #idleFloor: TimerFloor | undefined;
  readonly #spares: (() => void)[] = [];
  #listener: OverloadListener | undefined;
  #timer: Timer | undefined;
  #keepAlive = 0;
  #requests = 0;
  #rejects = 0;
  #timeouts = 0;

  constructor(options: OverloadOptions) {
    this.#options = options;
    const { actions } = options.config;
    this.#idleFloor = actions.find(({ name }) => name === "reduce_timeouts")?.idleFloor;
    if (options.config.monitors.length > 0) this.#refreshLater();
  }

  listen(listener: OverloadListener): void {
    this.#listener = listener;
  }

  /** `spare` lets go of memory that nothing depends on; called where it is short. */
  onShort(spare: () => void): void {
    this.#spares.push(spare);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Why this connection of a client is not taken; else it counts until `releaseConnection`. */
  refusalOf(socket: Socket): ConnectionRefusal | undefined {
    if (this.isShort(socket)) return "downstream_global_cx_overflow";
    if (!this.#options.connections.takeRequest()) return "downstream_global_cx_overflow";
    if (!this.#draws(this.#rejects)) return undefined;
    this.#options.connections.releaseRequest();
    return "downstream_cx_overload_reject";
  }

  releaseConnection(): void {
    this.#options.connections.releaseRequest();
  }

  /** The socket has a descriptor of the reserve: it has to be closed, and has been counted. */
  isShort(socket: Socket): boolean {
    const { bounds, stats } = this.#options;
    const short = descriptorOf(socket) >= bounds.reserveFrom;
    if (short) stats.refused();
    return short;
  }

  /** Draws as often as the action is strong: this request is answered with 503. */
  refusesRequest(): boolean {
    return this.#draws(this.#requests);
  }

  /** The same of the client's connection, which ends with the request. */
  endsConnection(): boolean {
    return this.#draws(this.#keepAlive);
  }

  /** How long a client's connection may be idle now; 0 stays for ever. */
  idleTimeoutMs(configuredMs: number): number {
    if (this.#timeouts === 0 || this.#idleFloor === undefined) return configuredMs;
    const floor = this.#idleFloor;
    const min = "minMs" in floor ? floor.minMs : floor.minShare * configuredMs;
    const least = Math.min(min, configuredMs);
    const leftMs = least + (configuredMs - least) * (1 - this.#timeouts);
    // To a timer 0 would mean never.
    return configuredMs === 0 ? 0 : Math.max(1, leftMs);
  }

  /** Looks at everything now. */
  refresh(): void {
    const { bounds, config, connections, stats, readPressure } = this.#options;
    for (const monitor of config.monitors) {
      try {
        const pressure = readPressure(monitor);
        this.#pressures.set(monitor.name, pressure);
        stats.pressure(monitor.name, pressure);
      } catch {
        stats.failed(monitor.name);
      }
    }
    const { maxDownstreamConnections: max } = config;
    if (max !== undefined) {
      const { maxRequests } = connectionThresholds(config, bounds);
      stats.connections((maxRequests - connections.remainingRequests) / max);
    }
    for (const { name, triggers } of config.actions) {
      this.#act(name, Math.max(0, ...triggers.map((trigger) => this.#strengthOf(trigger))));
    }
  }

  #refreshLater(): void {
    const { clock, config } = this.#options;
    this.#timer = clock.after(config.refreshIntervalMs, () => {
      this.#refreshLater();
      this.refresh();
    });
  }

  #strengthOf({ resource, from, to }: OverloadTrigger): number {
    const pressure = this.#pressures.get(resource) ?? 0;
    if (pressure >= to) return 1;
    return pressure <= from ? 0 : (pressure - from) / (to - from);
  }

  #act(name: OverloadActionName, strength: number): void {
    const before = this.#strengths.get(name) ?? 0;
    if (strength === before) return;
    this.#strengths.set(name, strength);
    this.#options.stats.action(name, strength);
    if (strength > before && SPARING.has(name)) for (const spare of this.#spares) spare();
    switch (name) {
      case "disable_http_keepalive":
        this.#keepAlive = strength;
        break;
      case "stop_accepting_requests":
        this.#requests = strength;
        break;
      case "reject_incoming_connections":
        this.#rejects = strength;
        break;
      case "stop_accepting_connections":
        if (strength >= 1 !== before >= 1) this.#listener?.onAccepting(strength < 1);
        break;
      case "reduce_timeouts":
        this.#timeouts = strength;
        this.#listener?.onIdleTimeouts();
        break;
      case "shrink_heap":
        // Beyond that, V8 gives memory back by itself.
        break;
    }
  }

  #draws(strength: number): boolean {
    if (strength === 0) return false;
    return strength >= 1 || this.#options.random.next() < strength;
  }
}
