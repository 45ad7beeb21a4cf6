import type { CircuitState, Forced } from "../breaker.ts";
import type { Command } from "../command/command.ts";
import type { CommandSettings } from "../command/options.ts";
import { EventCounts } from "./event-counts.ts";
import { EVENT_TYPES, type EventType } from "./event-type.ts";
import { type CumulativeLatency, Latency, LatencyView } from "./latency.ts";

/** Percentiles that Hystrix's stream has. */
const PERCENTILES = [0, 25, 50, 75, 90, 95, 99, 99.5, 100] as const;

export interface LatencySnapshot {
  /** Within the rolling percentile window. */
  readonly count: number;
  /** Milliseconds with fractions; 0 where nothing was recorded. */
  readonly meanMs: number;
  /** By percentile: "0", "25", "50", "75", "90", "95", "99", "99.5", "100". */
  readonly percentilesMs: Readonly<Record<string, number>>;
}

export interface TransitionCount {
  /** Changes to this state since the start: short ones are not lost between two looks. */
  readonly count: number;
  /** The last one, ms since 1970; undefined: there was none. */
  readonly lastAt: number | undefined;
}

/** All that a command has counted, at one moment. */
export interface CommandSnapshot {
  readonly name: string;
  readonly group: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly state: CircuitState;
  readonly forced: Forced;
  readonly isOpen: boolean;
  /** Since the start. */
  readonly counts: Readonly<Record<EventType, number>>;
  /** Within the rolling statistical window. */
  readonly rolling: Readonly<Record<EventType, number>>;
  /** What the circuit is judged by: reset when it closes, as Hystrix's health counts. */
  readonly health: {
    readonly requests: number;
    readonly errors: number;
    /** Cut to a whole number. */
    readonly errorPercentage: number;
  };
  readonly executing: number;
  readonly rollingMaxExecuting: number;
  readonly fallingBack: number;
  readonly latencyExecute: LatencySnapshot;
  /** With the fallback. */
  readonly latencyTotal: LatencySnapshot;
  readonly transitions: Readonly<Record<CircuitState, TransitionCount>>;
  readonly settings: CommandSettings;
}

/** What a command counts. */
export class CommandStatistics {
  readonly #command: Command;
  readonly events: EventCounts;
  /** Successful executions, whose latency and total latency are one. */
  readonly succeeded: Latency;
  readonly otherExecutions: Latency;
  readonly otherTotals: Latency;
  /** Latency of executions, and with fallbacks: percentiles of the window, cumulative counts. */
  readonly execute: LatencyView;
  readonly total: LatencyView;
  /** Of the executions of this moment. */
  places: { readonly taken: number } | undefined = undefined;
  /** At this moment. */
  fallingBack = 0;

  constructor(command: Command) {
    const { settings } = command;
    this.#command = command;
    this.events = new EventCounts({
      durationMs: settings.rollingStatsTimeInMilliseconds,
      buckets: settings.rollingStatsNumBuckets,
    });
    const extent = {
      durationMs: settings.rollingPercentileTimeInMilliseconds,
      buckets: settings.rollingPercentileNumBuckets,
    };
    this.succeeded = new Latency(extent);
    this.otherExecutions = new Latency(extent);
    this.otherTotals = new Latency(extent);
    this.execute = new LatencyView([this.succeeded, this.otherExecutions]);
    this.total = new LatencyView([this.succeeded, this.otherTotals]);
  }

  /** Since the start, by upper bound in milliseconds; as exact as 1/16. */
  cumulative(of: "execute" | "total", boundsMs: readonly number[]): CumulativeLatency {
    return this[of].cumulative(boundsMs);
  }

  /** Executions of this moment: those whose work has not ended. */
  get executing(): number {
    return this.places?.taken ?? 0;
  }

  snapshot(now: number = this.#command.clock.now()): CommandSnapshot {
    const { name, group, circuit, settings, state, forced, isOpen } = this.#command;
    const requests = circuit.requests(now);
    const errors = circuit.errors(now);
    return {
      ...{ name, group, at: this.#command.wallOf(now), state, forced, isOpen, settings },
      counts: this.#eachEvent((type) => this.events.count(type)),
      rolling: this.#eachEvent((type) => this.events.rolling(type, now)),
      health: {
        requests,
        errors,
        errorPercentage: requests === 0 ? 0 : Math.trunc((errors * 100) / requests),
      },
      executing: this.executing,
      rollingMaxExecuting: this.events.maxActive(now),
      fallingBack: this.fallingBack,
      latencyExecute: latencySnapshot(this.execute, now),
      latencyTotal: latencySnapshot(this.total, now),
      transitions: {
        closed: this.#transition("closed"),
        open: this.#transition("open"),
        halfOpen: this.#transition("halfOpen"),
      },
    };
  }

  #eachEvent(countOf: (type: EventType) => number): Record<EventType, number> {
    const counts = EVENT_TYPES.map((type) => [type, countOf(type)] as const);
    return Object.fromEntries(counts) as Record<EventType, number>;
  }

  #transition(to: CircuitState): TransitionCount {
    const { circuit } = this.#command;
    const count = circuit.changes(to);
    const lastAt = count === 0 ? undefined : this.#command.wallOf(circuit.changedTo(to));
    return { count, lastAt };
  }
}

function latencySnapshot(latency: LatencyView, now: number): LatencySnapshot {
  const percentiles = PERCENTILES.map((percentile) => [
    String(percentile),
    latency.percentile(percentile, now) ?? 0,
  ]);
  return {
    count: latency.count(now),
    meanMs: latency.mean(now) ?? 0,
    percentilesMs: Object.fromEntries(percentiles),
  };
}
